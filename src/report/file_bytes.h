// Where the bytes of a compressed file went, tensor by tensor.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "laconic/container.h"

namespace laconic {

struct TensorBytes {
  std::string name;
  Shape shape;
  std::int64_t weights = 0;
  std::uint64_t bytes = 0;
  std::int64_t levels = 0;  ///< The most of any of its codebooks; 0 if it is dense.
  std::string coder, quantizer;

  [[nodiscard]] double bits_per_weight() const noexcept {
    return weights > 0 ? 8.0 * static_cast<double>(bytes) / static_cast<double>(weights) : 0;
  }
};

/// Header, graph, codebooks and tensors add up to `sizes.total`, always.
struct FileBytes {
  std::string file;
  SizeReport sizes;
  std::int64_t weights = 0;
  std::vector<TensorBytes> tensors;

  [[nodiscard]] double bits_per_weight() const noexcept {
    return weights > 0 ? 8.0 * static_cast<double>(sizes.total) / static_cast<double>(weights) : 0;
  }
};

/// Quantized tensors are held against their checksums, not decoded: throws Error(corrupt_data).
[[nodiscard]] FileBytes file_bytes(const ModelReader& reader, std::string file);

}  // namespace laconic
