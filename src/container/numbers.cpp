#include "container/numbers.h"

#include <algorithm>
#include <bit>

namespace laconic::container {
namespace {

constexpr std::uint32_t sign_bit = 0x8000'0000;

/// The nearest half towards zero; exact wherever a half holds the value.
std::uint32_t half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits & sign_bit) >> 16;
  const auto exponent = static_cast<int>(bits >> 23 & 255) - 127;
  const std::uint32_t mantissa = bits & 0x7f'ffff;
  if (exponent > 15) return sign | 0x7c00;
  if (exponent >= -14) {
    return sign | static_cast<std::uint32_t>(exponent + 15) << 10 | mantissa >> 13;
  }
  if (exponent < -24) return sign;
  return sign | (mantissa | 0x80'0000) >> (-1 - exponent);
}

float half_value(std::uint32_t half) {
  const std::uint32_t sign = (half & 0x8000) << 16;
  const std::uint32_t exponent = half >> 10 & 31;
  const std::uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

bool holds(NumberFormat format, float value) {
  return std::bit_cast<std::uint32_t>(from_bits(to_bits(value, format), format)) ==
         std::bit_cast<std::uint32_t>(value);
}

}  // namespace

NumberFormat narrowest(std::span<const float> values) noexcept {
  for (const auto format : {NumberFormat::bfloat16, NumberFormat::float16}) {
    if (std::all_of(values.begin(), values.end(), [&](float v) { return holds(format, v); })) {
      return format;
    }
  }
  return NumberFormat::float32;
}

std::uint32_t to_bits(float value, NumberFormat format) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  switch (format) {
    case NumberFormat::bfloat16:
      return bits >> 16;
    case NumberFormat::float16:
      return half_bits(value);
    case NumberFormat::float32:
      break;
  }
  return bits;
}

float from_bits(std::uint32_t bits, NumberFormat format) noexcept {
  switch (format) {
    case NumberFormat::bfloat16:
      return std::bit_cast<float>(bits << 16);
    case NumberFormat::float16:
      return half_value(bits);
    case NumberFormat::float32:
      break;
  }
  return std::bit_cast<float>(bits);
}

std::vector<std::byte> to_planes(std::span<const float> values, NumberFormat format) {
  const std::size_t planes = width(format);
  std::vector<std::byte> bytes(planes * values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t bits = to_bits(values[i], format);
    for (std::size_t p = 0; p < planes; ++p) {
      bytes[p * values.size() + i] = static_cast<std::byte>(bits >> 8 * (planes - 1 - p));
    }
  }
  return bytes;
}

void from_planes(std::span<const std::byte> planes, NumberFormat format, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t bits = 0;
    for (std::size_t p = 0; p < width(format); ++p) {
      bits = bits << 8 | std::to_integer<std::uint32_t>(planes[p * values.size() + i]);
    }
    values[i] = from_bits(bits, format);
  }
}

}  // namespace laconic::container
