// Bytes from the first to the last, through a window of bounded size where they are not in memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace laconic {

class ByteWindow {
 public:
  /// Bytes in memory, which must outlive the window.
  explicit ByteWindow(std::span<const std::byte> all) : ahead_(all), left_(all.size()) {}

  /// `size` bytes that `fetch` copies, from position `at` on, into all of `to`.
  using Fetch = std::function<void(std::uint64_t at, std::span<std::byte> to)>;
  ByteWindow(std::uint64_t size, Fetch fetch) : fetch_(std::move(fetch)), left_(size) {}

  /// At least so many bytes, or all that are left; good until the next call.
  [[nodiscard]] std::span<const std::byte> ahead(std::size_t least) {
    if (ahead_.size() < least && ahead_.size() < left_) refill(least);
    return ahead_;
  }

  /// Leaves behind what ahead() gave.
  void skip(std::size_t count) {
    ahead_ = ahead_.subspan(count);
    left_ -= count;
  }

  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

 private:
  void refill(std::size_t least);

  Fetch fetch_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> ahead_;
  std::uint64_t left_ = 0;     ///< From where ahead_ begins.
  std::uint64_t fetched_ = 0;  ///< Where the next bytes are fetched from.
};

}  // namespace laconic
