// Values that stay in floating point.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "container/numbers.h"
#include "laconic/quantized_tensor.h"

namespace laconic::container {

/// How a dense tensor's values are stored; numbers are those of the format.
enum class DenseStorage : std::uint8_t {
  planes = 0,    ///< Byte planes.
  packed = 1,    ///< Byte planes as a Zstandard frame.
  constant = 2,  ///< One number, which all values are.
  split = 3,     ///< Exponents by an entropy coder; signs and fractions as they are.
};
inline constexpr std::uint64_t dense_storages = 4;

struct EncodedDense {
  DenseStorage storage = DenseStorage::planes;
  NumberFormat format = NumberFormat::float32;
  std::vector<std::byte> bytes;
};

/// The smallest form; the first, of equals.
[[nodiscard]] EncodedDense encode_dense(const DenseTensor& tensor);

/// The values, as many as `shape` says. Throws Error(corrupt_data).
[[nodiscard]] DenseTensor decode_dense(DenseStorage storage, NumberFormat format,
                                       std::span<const std::byte> bytes, const Shape& shape);

}  // namespace laconic::container
