// The best scale of a pattern for a large block, by way of fine bins instead of sorting.
//
// The gain of a scale a, the energy that nearest codes save, is bounded from both sides by the sums
// of bins alone; halving intervals of scales leaves a short range in which the best may lie. Only
// the weights that change codes within it are then looked at one by one.

#pragma once

#include <optional>
#include <span>

#include "quantize/bins.h"
#include "quantize/block.h"
#include "quantize/scaled_pattern.h"

namespace laconic {

/// Which weights a scale is for.
enum class Side { both, negative, positive };

/// The best real scale, or power of two, for the block that `bins` are of; 0 where a side has no
/// weight that is not zero. Nothing where bins do not tell: the caller then sorts.
[[nodiscard]] std::optional<double> binned_scale(Bins& bins, const CheckedBlock& block,
                                                 const Pattern& pattern, Side side,
                                                 bool power_of_two);

/// Replaces the bin of every weight by the number of ascending uppers that are less than it.
void count_uppers(Bins& bins, std::span<const float> uppers, std::span<const float> weights);

}  // namespace laconic
