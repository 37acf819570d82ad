// Means over the weights of a tensor, in double precision and in their order.

#pragma once

#include <cmath>
#include <span>

namespace laconic {

/// 0 of no values.
inline double mean(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// 0 of no values.
inline double mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

inline double root_mean_square(std::span<const float> values) {
  return std::sqrt(mean_square(values));
}

}  // namespace laconic
