// Evenly spaced codebooks around zero, as short in a file as they can be.

#pragma once

#include <span>

#include "laconic/quantized_tensor.h"

namespace laconic {

/// The nearest float with 8 significant bits: two bytes in a file.
[[nodiscard]] float short_float(double value);

/// Multiples of the step that reach from the lowest to the highest value, zero among them. The step
/// grows where that would be more levels than there can be.
[[nodiscard]] Codebook evenly_spaced_over(std::span<const float> values, float step);

/// The same for paths of the trellis (core/trellis.h): levels that do as much damage as even ones
/// `step` apart, and two more at either end, which a path may take.
[[nodiscard]] Codebook trellis_levels_over(std::span<const float> values, double step);

/// Cuts unused levels off both ends of each codebook; zero stays, if `keep_zero`.
void drop_unused_ends(QuantizedTensor& tensor, bool keep_zero = false);

}  // namespace laconic
