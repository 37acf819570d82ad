// Binary arithmetic coding: each bit with a probability that encoder and decoder both know.
//
// An interval [low, low + range) of 64 bits is narrowed bit by bit; whenever range falls below
// 2^32, 32 bits leave at the top, high byte first. At the end the encoder takes the value of the
// interval with the most trailing zero bytes, and zero bytes at the end of the stream are not
// stored. The stream of given bits is thus unique, and the decoder checks that it read that one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace laconic {

/// The value of the final interval with the most trailing zero bytes, modulo 2^64.
[[nodiscard]] constexpr std::uint64_t shortest_in(std::uint64_t low, std::uint64_t range) noexcept {
  for (int bits = 56; bits > 0; bits -= 8) {
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    const std::uint64_t value = (low + mask) & ~mask;
    if (value - low < range) return value;
  }
  return low;
}

class ArithmeticEncoder {
 public:
  /// Codes `bit`, which is 1 with a probability of `one` / 65,536, 0 < one < 65,536.
  bool code(bool bit, std::uint32_t one) {
    const std::uint64_t bound = (range_ >> 16) * one;
    if (bit) {
      range_ = bound;
    } else {
      add(bound);
      range_ -= bound;
    }
    if (range_ >> 32 == 0) {
      put(static_cast<std::uint32_t>(low_ >> 32));
      low_ <<= 32;
      range_ <<= 32;
    }
    return bit;
  }

  [[nodiscard]] std::vector<std::byte> finish() {
    add(shortest_in(low_, range_) - low_);
    put(static_cast<std::uint32_t>(low_ >> 32));
    put(static_cast<std::uint32_t>(low_));
    while (!bytes_.empty() && bytes_.back() == std::byte{0}) bytes_.pop_back();
    return std::move(bytes_);
  }

 private:
  void add(std::uint64_t amount) {
    low_ += amount;
    if (low_ >= amount) return;
    for (std::size_t i = bytes_.size(); i-- > 0;) {  // The carry.
      bytes_[i] = static_cast<std::byte>(std::to_integer<int>(bytes_[i]) + 1);
      if (bytes_[i] != std::byte{0}) return;
    }
  }

  void put(std::uint32_t word) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<std::byte>(word >> shift));
    }
  }

  std::vector<std::byte> bytes_;
  std::uint64_t low_ = 0;
  std::uint64_t range_ = ~std::uint64_t{0};
};

/// Reads zeros beyond the end of its bytes.
class ArithmeticDecoder {
 public:
  explicit ArithmeticDecoder(std::span<const std::byte> bytes) : bytes_(bytes) {
    window_ = next();
    window_ = window_ << 32 | next();
    code_ = window_;
  }

  /// The next bit; `ignored` makes encoder and decoder alike to code that serves both.
  bool code(bool /*ignored*/, std::uint32_t one) {
    const std::uint64_t bound = (range_ >> 16) * one;
    const bool bit = code_ < bound;
    // Without a branch: it would be mispredicted as often as the bit is.
    const std::uint64_t if_zero = std::uint64_t{bit} - 1;
    code_ -= bound & if_zero;
    range_ = bound + ((range_ - 2 * bound) & if_zero);
    if (range_ >> 32 == 0) {
      const std::uint64_t word = next();
      window_ = window_ << 32 | word;
      code_ = code_ << 32 | word;
      range_ <<= 32;
    }
    return bit;
  }

  /// Whether the bytes are exactly what the encoder writes for the bits decoded so far.
  [[nodiscard]] bool at_end() const {
    return position_ >= bytes_.size() && (bytes_.empty() || bytes_.back() != std::byte{0}) &&
           code_ < range_ && shortest_in(window_ - code_, range_) == window_;
  }

 private:
  std::uint32_t next() {
    std::uint32_t word = 0;
    for (int i = 0; i < 4; ++i, ++position_) {
      word = word << 8;
      if (position_ < bytes_.size()) word |= std::to_integer<std::uint32_t>(bytes_[position_]);
    }
    return word;
  }

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  std::uint64_t window_ = 0;  ///< The last eight bytes read.
  std::uint64_t code_ = 0;    ///< Where they lie in the interval.
  std::uint64_t range_ = ~std::uint64_t{0};
};

}  // namespace laconic
