// From a tensor to panels.

#pragma once

#include "kernels/packed_weights.h"

namespace laconic {

/// What a layer makes of its weights: [out][channels][taps], as they are stored.
struct WeightExtents {
  std::int64_t out = 0;
  std::int64_t groups = 1;
  std::int64_t channels = 0;  ///< Of a group.
  std::int64_t taps = 1;
  bool one_run = false;  ///< The sum may not be cut.
};

[[nodiscard]] PackedWeights pack_weights(const QuantizedTensor& tensor,
                                         const WeightExtents& extents, const PackOptions& options);
[[nodiscard]] PackedWeights pack_weights(const StreamedTensor& tensor, const WeightExtents& extents,
                                         const PackOptions& options);
[[nodiscard]] PackedWeights pack_weights(const DenseTensor& tensor, const WeightExtents& extents,
                                         const PackOptions& options);

/// Writes the weights of one row, as they are multiplied by, in the tensor's order.
void unpack_row(const PackedWeights& packed, std::int64_t row, float* out);

/// All rows.
[[nodiscard]] std::vector<float> unpack_weights(const PackedWeights& packed);

}  // namespace laconic
