// Floating-point numbers in as few bytes as hold them exactly.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace laconic::container {

/// Numbers are those of the format.
enum class NumberFormat : std::uint8_t {
  float32 = 0,
  bfloat16 = 1,
  float16 = 2,
};
inline constexpr std::size_t number_formats = 3;

/// Bytes of one number.
[[nodiscard]] constexpr std::size_t width(NumberFormat format) noexcept {
  return format == NumberFormat::float32 ? 4 : 2;
}

/// The first of bfloat16, float16, float32 that holds all values to the bit.
[[nodiscard]] NumberFormat narrowest(std::span<const float> values) noexcept;

/// The bits of `value` in a format that holds it exactly, and the value of such bits.
[[nodiscard]] std::uint32_t to_bits(float value, NumberFormat format) noexcept;
[[nodiscard]] float from_bits(std::uint32_t bits, NumberFormat format) noexcept;

/// The bytes of numbers in planes: the highest byte of each, then the next of each, and so on.
/// Neighbours in a plane are alike where neighbours in memory are not.
[[nodiscard]] std::vector<std::byte> to_planes(std::span<const float> values, NumberFormat format);

/// Fills `values` from as many planes as the format has; `planes` has exactly those bytes.
void from_planes(std::span<const std::byte> planes, NumberFormat format, std::span<float> values);

}  // namespace laconic::container
