// Assigning a layer's weights to values on paths of the trellis (core/trellis.h): as compensate(),
// but all of an output channel's weights at once.

#pragma once

#include <string_view>

#include "train/post/compensate.h"

namespace laconic {

/// Whether a quantizer's spec names the member `trellis`.
[[nodiscard]] bool is_trellis(std::string_view quantizer);

/// As compensate() does, fills the indices of a tensor whose codebooks are evenly spaced around
/// zero, one for the tensor or each output channel; a problem without `factors` has each weight by
/// itself, at its own curvature. Bits are priced by the indices that the tensor has, if these are
/// on paths. The same result for any number of threads. Throws Error(interrupted) with `factors`.
void assign_on_trellis(const LayerProblem& problem, const LayerFactors* factors,
                       const CompensateOptions& options, QuantizedTensor& tensor);

}  // namespace laconic
