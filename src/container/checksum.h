// Checksums of the format: the lowest 32 bits of XXH3.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace laconic::container {

[[nodiscard]] std::uint32_t checksum(std::span<const std::byte> bytes,
                                     std::uint64_t seed = 0) noexcept;

/// The same of bytes that come in pieces.
class PiecewiseChecksum {
 public:
  explicit PiecewiseChecksum(std::uint64_t seed);
  void add(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint32_t value() const;

 private:
  struct Free {
    void operator()(void* state) const noexcept;
  };
  std::unique_ptr<void, Free> state_;
};

}  // namespace laconic::container
