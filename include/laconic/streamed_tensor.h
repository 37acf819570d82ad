// Quantized tensors whose indices are had piece by piece, from the first to the last: what is
// stored coded is packed for kernels without the whole of it ever being decoded in memory.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

/// Indices in order. One thread at a time may use a stream.
class IndexStream {
 public:
  virtual ~IndexStream() = default;

  /// The next ones. The call that takes the last of a tensor also proves that the coded bytes end
  /// there. Throws Error(corrupt_data) where they do not hold such indices.
  virtual void read(std::span<Index> next) = 0;
};

/// What a QuantizedTensor holds, less the indices; these are read as often as wanted. Copies share
/// what they read from; open() may be called from many threads at once.
struct StreamedTensor {
  Shape shape;
  std::int64_t block_size = 0;
  std::vector<Codebook> codebooks;
  std::function<std::unique_ptr<IndexStream>()> open;  ///< A stream that begins at the first.
  std::size_t bytes = 0;  ///< Memory that indices take meanwhile: 0 if they are in a file.
};

/// A valid tensor in memory.
[[nodiscard]] StreamedTensor stream(std::shared_ptr<const QuantizedTensor> tensor);

/// The weights [first, first + count) as a tensor of that shape, if no block but the last is cut;
/// `first` begins a block or lies, with all the others, in one.
[[nodiscard]] StreamedTensor slice(const StreamedTensor& tensor, std::int64_t first, Shape shape);

/// The whole tensor, in memory.
[[nodiscard]] QuantizedTensor collect(const StreamedTensor& tensor);

/// The weights that `tensor` stands for, in row-major order.
[[nodiscard]] std::vector<float> dequantize(const StreamedTensor& tensor);

}  // namespace laconic
