// What a quantizer's front has checked and found out about a block, for members to rely on.

#pragma once

#include <cstdint>
#include <span>

namespace laconic {

/// Weights are finite and not empty. Importance is empty (all ones), or as long as the weights,
/// finite, non-negative and not all zero.
struct CheckedBlock {
  std::span<const float> weights;
  std::span<const float> importance;
  float largest_weight = 0;      ///< Largest magnitude.
  float largest_importance = 1;  ///< 1 where importance is empty.
  /// A typical magnitude: about the geometric mean of those that are not zero; 0 where all are. The
  /// same whatever the order of the weights.
  float typical_weight = 0;

  [[nodiscard]] float importance_of(std::size_t i) const {
    return importance.empty() ? 1.0f : importance[i];
  }
};

}  // namespace laconic
