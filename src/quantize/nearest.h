// The nearest level for many weights: the same answers as Codebook::nearest(), in linear time.

#pragma once

#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

/// For each level but the highest, the largest float whose nearest level is that one or a lower:
/// index i is nearest to a weight if exactly i of these uppers are less than it.
[[nodiscard]] std::vector<float> nearest_uppers(std::span<const float> levels);

/// The nearest level of every weight.
[[nodiscard]] std::vector<Index> nearest_indices(const Codebook& codebook,
                                                 std::span<const float> weights);

/// The same for any ascending uppers, one less than there are levels.
void count_uppers(std::span<const float> uppers, std::span<const float> weights,
                  std::span<Index> indices);

}  // namespace laconic
