// Weights to try quantizers on, and the plain loops that their results are held against.

#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "laconic/quantizer.h"
#include "laconic/random.h"

namespace laconic {

/// Weights with their importances; the latter may be empty.
struct Sample {
  std::string name;
  std::vector<float> weights;
  std::vector<float> importance = {};
};

inline std::vector<float> gaussian(std::size_t count, std::uint64_t seed, double scale = 0.05) {
  Random random(seed, "gaussian");
  std::vector<float> weights(count);
  for (float& weight : weights) weight = static_cast<float>(scale * random.normal());
  return weights;
}

inline std::vector<float> log_normal(std::size_t count, std::uint64_t seed, double sigma = 1) {
  Random random(seed, "log-normal");
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(std::exp(sigma * random.normal()));
  return values;
}

/// Tails far beyond the bulk: the ratio of normals.
inline std::vector<float> heavy_tailed(std::size_t count, std::uint64_t seed) {
  Random random(seed, "heavy-tailed");
  std::vector<float> weights(count);
  for (float& weight : weights)
    weight = static_cast<float>(random.normal() / (0.01 + std::abs(random.normal())));
  return weights;
}

/// A few values each taken many times, as small integers times a step.
inline std::vector<float> few_valued(std::size_t count, std::uint64_t seed, int values) {
  Random random(seed, "few-valued");
  std::vector<float> weights(count);
  for (float& weight : weights)
    weight = static_cast<float>(random.below(values) - values / 2) * 0.125f;
  return weights;
}

inline double importance_at(const std::vector<float>& importance, std::size_t i) {
  return importance.empty() ? 1.0 : importance[i];
}

inline double weighted_error(const std::vector<float>& weights,
                             const std::vector<float>& importance, const BlockCode& code) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double error = static_cast<double>(weights[i]) - code.codebook.levels()[code.indices[i]];
    sum += importance_at(importance, i) * error * error;
  }
  return sum;
}

inline double weighted_energy(const std::vector<float>& weights,
                              const std::vector<float>& importance) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sum += importance_at(importance, i) * weights[i] * weights[i];
  }
  return sum;
}

/// The bits of an ideal code for the indices.
inline double ideal_bits(const BlockCode& code) {
  std::vector<double> counts(code.codebook.size());
  for (const Index index : code.indices) ++counts[index];
  double bits = 0;
  for (const double count : counts) {
    if (count > 0) bits += count * std::log2(static_cast<double>(code.indices.size()) / count);
  }
  return bits;
}

}  // namespace laconic
