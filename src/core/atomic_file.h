// Files that appear whole or not at all.

#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace laconic {

/// Writes to an unnamed (or temporary, where the file system has no unnamed ones) file in the same
/// folder, syncs it, and gives it its name when commit() is called. Destroyed before that, it
/// leaves nothing behind, and neither does a process that is killed where unnamed files exist.
class AtomicFile {
 public:
  /// Throws Error(cannot_write) naming the path and the reason; a path that is there and is no
  /// regular file is not replaced.
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  void discard() noexcept;
  std::filesystem::path path_;
  std::filesystem::path temporary_;  ///< Empty while the file is unnamed.
  int descriptor_ = -1;
};

/// The whole file. Throws Error(invalid_data) naming the path if it cannot be read.
[[nodiscard]] std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Writes `bytes` to `path` as AtomicFile does.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace laconic
