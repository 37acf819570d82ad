// Weights in ascending order with their importances: what every sum over weights is taken in, so
// that it does not depend on the order in which they came.

#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "quantize/block.h"

namespace laconic {

/// A weight and its importance in one number, ordered by weight, then importance.
using WeightKey = std::uint64_t;

[[nodiscard]] inline float weight_of(WeightKey key) {
  const auto upper = static_cast<std::uint32_t>(key >> 32);
  return std::bit_cast<float>(upper ^ ((upper >> 31) != 0 ? 0x80000000u : 0xffffffffu));
}
[[nodiscard]] inline float importance_of(WeightKey key) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(key));
}

/// All weights that have importance, ascending: the others pull at no level.
[[nodiscard]] std::vector<WeightKey> sorted_keys(std::span<const float> weights,
                                                 std::span<const float> importance);

/// Distinct weights, ascending, each with the importance and the number of all weights equal to it.
struct SortedWeights {
  std::vector<float> weights;
  std::vector<double> importance;  ///< Positive.
  std::vector<std::uint32_t> counts;
};

[[nodiscard]] SortedWeights merge_equal(std::span<const WeightKey> keys);

[[nodiscard]] SortedWeights sort_weights(std::span<const float> weights,
                                         std::span<const float> importance);

/// Sorts ascending by `bits` bits from the lowest on, keeping the order of equal ones. Linear time.
void radix_sort(std::vector<std::uint64_t>& keys, int first_bit, int bits);

}  // namespace laconic
