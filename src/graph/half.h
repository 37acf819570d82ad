// Sixteen-bit floating-point formats to float32, exactly.

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace laconic {

/// IEEE 754 binary16.
[[nodiscard]] inline float from_float16(std::uint16_t bits) noexcept {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

/// The upper half of a float32.
[[nodiscard]] inline float from_bfloat16(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

}  // namespace laconic
