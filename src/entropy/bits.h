// Bits in bytes, least significant first, as all coders of this folder store them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace laconic {

/// Appends bits to a vector of bytes.
class BitWriter {
 public:
  /// Appends the lowest `count` bits of `value`, 0 to 32; the others must be zero.
  void put(std::uint32_t value, int count) {
    held_ |= std::uint64_t{value} << held_bits_;
    held_bits_ += count;
    while (held_bits_ >= 8) {
      bytes_.push_back(static_cast<std::byte>(held_));
      held_ >>= 8;
      held_bits_ -= 8;
    }
  }

  /// The bytes so far, the last one filled up with zero bits.
  [[nodiscard]] std::vector<std::byte> finish() {
    if (held_bits_ > 0) put(0, 8 - held_bits_);
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
  std::uint64_t held_ = 0;
  int held_bits_ = 0;
};

/// Reads what a BitWriter wrote. Beyond the end it reads zeros and remembers that it did, so that
/// loops need no test for each bit.
class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// The next `count` bits, 0 to 32, without taking them.
  [[nodiscard]] std::uint32_t peek(int count) {
    while (held_bits_ < count) {
      if (next_ < bytes_.size()) {
        held_ |= std::uint64_t{std::to_integer<std::uint8_t>(bytes_[next_])} << held_bits_;
      }
      ++next_;
      held_bits_ += 8;
    }
    return static_cast<std::uint32_t>(held_ & ((std::uint64_t{1} << count) - 1));
  }

  /// Takes bits that were peeked.
  void skip(int count) {
    held_ >>= count;
    held_bits_ -= count;
  }

  [[nodiscard]] std::uint32_t take(int count) {
    const auto value = peek(count);
    skip(count);
    return value;
  }

  /// Whether bits were taken that are not there.
  [[nodiscard]] bool overrun() const {
    return next_ > bytes_.size() &&
           static_cast<std::size_t>(held_bits_) < 8 * (next_ - bytes_.size());
  }

  /// Whether the reader stands where the writer finished: in the last byte, with zeros behind.
  [[nodiscard]] bool at_end() const {
    if (next_ < bytes_.size() || overrun()) return false;
    const auto beyond = static_cast<int>(8 * (next_ - bytes_.size()));
    return held_bits_ - beyond < 8 && held_ == 0;
  }

  /// Where whole bytes go on behind the bits taken so far, if the bits up to there are zeros and
  /// there: for payloads that are bits first and bytes then.
  [[nodiscard]] std::optional<std::size_t> end_of_byte() const {
    const int ahead = held_bits_ / 8;
    const std::size_t end = next_ - static_cast<std::size_t>(ahead);
    if (end > bytes_.size() || (held_ & ((1u << held_bits_ % 8) - 1)) != 0) return std::nullopt;
    return end;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t next_ = 0;  ///< Counts on beyond the end.
  std::uint64_t held_ = 0;
  int held_bits_ = 0;
};

}  // namespace laconic
