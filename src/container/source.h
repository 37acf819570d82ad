// Where a reader's bytes are: in memory, or in a file that is read piece by piece. A file is not
// mapped: one that another program cuts short must end in an error, not in a signal.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/byte_window.h"

namespace laconic::container {

/// Movable, not copyable; read() may be called from many threads at once.
class Source {
 public:
  /// Does not copy.
  explicit Source(std::span<const std::byte> bytes) : bytes_(bytes), size_(bytes.size()) {}

  /// Throws Error(invalid_data) if the file cannot be opened. What is not an ordinary file (a pipe)
  /// is read into memory.
  explicit Source(const std::filesystem::path& path);
  Source(Source&&) noexcept;
  Source& operator=(Source&&) = delete;
  ~Source();

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// The bytes [offset, offset + count), which must lie within size(): a view of memory, or of
  /// `buffer`, which then holds them. Throws Error(invalid_data) if they cannot be read.
  [[nodiscard]] std::span<const std::byte> read(std::uint64_t offset, std::uint64_t count,
                                                std::vector<std::byte>& buffer) const;

  /// The same bytes, as many as `to` has room for, copied there.
  void copy(std::uint64_t offset, std::span<std::byte> to) const;

  /// The same bytes from the first to the last; the source must outlive them.
  [[nodiscard]] ByteWindow window(std::uint64_t offset, std::uint64_t count) const;

 private:
  std::span<const std::byte> bytes_;
  std::vector<std::byte> owned_;
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace laconic::container
