// Weights in ascending order with their importances: what every sum over weights is taken in, so
// that it does not depend on the order in which they came.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quantize/block.h"

namespace laconic {

/// Distinct weights, ascending, each with the importance of all weights equal to it. Weights whose
/// importance is zero are left out: they pull at no level.
struct SortedWeights {
  std::vector<float> weights;
  std::vector<double> importance;  ///< Positive.
};

[[nodiscard]] SortedWeights sort_weights(std::span<const float> weights,
                                         std::span<const float> importance);

/// Sorts ascending by `bits` bits from the lowest on, keeping the order of equal ones. Linear time.
void radix_sort(std::vector<std::uint64_t>& keys, int first_bit, int bits);

}  // namespace laconic
