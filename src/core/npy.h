// NumPy's .npy files: the plainest exchange format for arrays that other tools read and write.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

enum class NpyType { float32, float64, uint8, int32, int64 };

/// An array in row-major order.
struct NpyArray {
  NpyType type = NpyType::float32;
  Shape shape;
  std::vector<std::byte> bytes;  ///< The elements, little-endian.

  [[nodiscard]] std::int64_t count() const noexcept { return element_count(shape); }

  /// Element i as a number; integers beyond 2^53 are rounded.
  [[nodiscard]] double at(std::int64_t i) const noexcept;
};

/// Throws Error(invalid_data) naming the file if it is missing, cut short, malformed, of another
/// element type than those above, or in Fortran's order.
[[nodiscard]] NpyArray read_npy(const std::filesystem::path& path);

/// Writes float32 elements, as AtomicFile does.
void write_npy(const std::filesystem::path& path, const Shape& shape,
               std::span<const float> values);

}  // namespace laconic
