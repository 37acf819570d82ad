// Logistic functions and logarithms in integers, so that every machine computes the same bits.
//
// A probability is a number of 1/65,536ths; a log-odds ("stretched probability") is in 1/256ths and
// lies in [-2047, 2047]; a binary logarithm is in 1/256ths.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace laconic::logistic {

inline constexpr int one_bits = 16;  ///< Of a probability.
inline constexpr int max_log_odds = 2047;

namespace detail {

__extension__ using Wide = unsigned __int128;

/// exp(-1/256) in units of 2^-62, by its series.
constexpr std::uint64_t decay() {
  const std::uint64_t one = std::uint64_t{1} << 62;
  std::uint64_t sum = one, term = one;
  for (std::uint64_t n = 1; n < 10; ++n) {
    term /= 256 * n;
    sum = n % 2 == 1 ? sum - term : sum + term;
  }
  return sum;
}

constexpr auto make_squash() {
  std::array<std::uint16_t, 4096> table{};
  std::uint64_t power = std::uint64_t{1} << 62;  // exp(-x/256)
  for (int x = 0; x <= max_log_odds; ++x) {
    const Wide denominator = Wide{power} + (Wide{1} << 62);
    const auto value =
        static_cast<std::uint32_t>(((Wide{1} << (62 + one_bits)) + denominator / 2) / denominator);
    table[static_cast<std::size_t>(2048 + x)] = static_cast<std::uint16_t>(value);
    table[static_cast<std::size_t>(2048 - x)] =
        static_cast<std::uint16_t>((std::uint32_t{1} << one_bits) - value);
    power = static_cast<std::uint64_t>((Wide{power} * decay()) >> 62);
  }
  table[0] = table[1];
  return table;
}

inline constexpr auto squash_table = make_squash();

constexpr auto make_stretch() {
  std::array<std::int16_t, 4096> table{};
  int x = -max_log_odds;
  for (std::uint32_t p = 0; p < 4096; ++p) {
    const std::uint32_t middle = 16 * p + 8;
    while (x < max_log_odds && squash_table[static_cast<std::size_t>(2048 + x)] < middle) ++x;
    table[p] = static_cast<std::int16_t>(x);
  }
  return table;
}

inline constexpr auto stretch_table = make_stretch();

/// log2(1 + m/256) by repeated squaring, a bit at a time.
constexpr auto make_log2() {
  std::array<std::uint8_t, 256> table{};
  for (std::uint64_t m = 0; m < 256; ++m) {
    std::uint64_t x = (256 + m) << 22;  // In [1, 2), in units of 2^-30.
    int value = 0;
    for (int bit = 0; bit < 9; ++bit) {
      x = (x * x) >> 30;
      value *= 2;
      if (x >= std::uint64_t{2} << 30) {
        x >>= 1;
        ++value;
      }
    }
    table[m] = static_cast<std::uint8_t>(std::min(255, (value + 1) / 2));
  }
  return table;
}

inline constexpr auto log2_table = make_log2();

}  // namespace detail

/// Probability of log-odds `x`, which is clamped to [-2047, 2047].
[[nodiscard]] constexpr std::uint32_t squash(std::int64_t x) noexcept {
  x = std::clamp<std::int64_t>(x, -max_log_odds, max_log_odds);
  return detail::squash_table[static_cast<std::size_t>(2048 + x)];
}

/// Log-odds of a probability in units of 1/4,096, below 4,096.
[[nodiscard]] constexpr int stretch(std::uint32_t probability) noexcept {
  return detail::stretch_table[probability];
}

/// Binary logarithm of x > 0, in 1/256ths.
[[nodiscard]] constexpr int log2(std::uint64_t x) noexcept {
  const int exponent = std::bit_width(x) - 1;
  const std::uint64_t mantissa = (exponent >= 8 ? x >> (exponent - 8) : x << (8 - exponent)) & 255;
  return exponent * 256 + detail::log2_table[mantissa];
}

}  // namespace laconic::logistic
