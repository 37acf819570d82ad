// Levels as multiples of one step that fit a signed byte.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

struct RoundedLevels {
  float step = 0;
  std::vector<std::int8_t> multiples;  ///< One per level, within -127 to 127.
  float error = 0;                     ///< The largest difference between a level and its multiple.
};

/// Exact where one step allows it: evenly spaced levels, binary, ternary and powers of two within 7
/// octaves. Of powers of two further apart the upper 7 octaves are exact, and what lies below
/// becomes 0. Otherwise the step, between the largest magnitude / 64 and / 127, whose largest error
/// is smallest.
[[nodiscard]] RoundedLevels round_levels(const Codebook& codebook);

/// The step that round_levels() takes for levels that are not known to be evenly spaced, and the
/// multiple of a step that is nearest to a level.
[[nodiscard]] float best_step(std::span<const float> levels);
[[nodiscard]] std::int8_t nearest_multiple(float level, float step);

}  // namespace laconic
