#include "quantize/scaled_pattern.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

#include "quantize/sort_weights.h"

namespace laconic {
namespace {

bool all_powers(const Pattern& pattern) {
  int exponent = 0;
  return std::all_of(pattern.magnitudes.begin(), pattern.magnitudes.end(),
                     [&](double magnitude) { return std::frexp(magnitude, &exponent) == 0.5; });
}

double below(const Pattern& pattern, std::size_t magnitude) {
  return magnitude > 0 ? pattern.magnitudes[magnitude - 1] : 0;
}

constexpr double largest_power = 0x1p127;  ///< That is a float.

/// Largest power of two not above 4 x / 3, for positive x: where x rounds to among powers of two.
double power_near(double x) {
  return std::min(std::ldexp(1.0, std::ilogb(4 * x / 3)), largest_power);
}

}  // namespace

Pattern make_pattern(std::string_view name, int bits) {
  if (name == "binary") return {{1}, false};
  if (name == "ternary") return {{1}, true};
  Pattern pattern;
  const int count = name == "powers" ? 1 << (bits - 2) : (1 << (bits - 1)) - 1;
  for (int i = 1; i <= count; ++i) {
    pattern.magnitudes.push_back(name == "linear" ? static_cast<double>(i) / count
                                                  : std::ldexp(1.0, i - count));
  }
  return pattern;
}

Magnitudes::Magnitudes(std::span<const float> values, std::span<const float> importance)
    : h_{0}, s_{0}, q_{0} {
  std::vector<float> absolute;
  for (const float value : values) absolute.push_back(std::abs(value));
  auto sorted = sort_weights(absolute, importance);
  values_ = std::move(sorted.weights);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const double value = values_[i], moment = sorted.importance[i] * value;
    h_.push_back(h_.back() + sorted.importance[i]);
    s_.push_back(s_.back() + moment);
    q_.push_back(q_.back() + moment * value);
  }
}

std::size_t Magnitudes::at_most(double limit) const {
  return static_cast<std::size_t>(
      std::upper_bound(values_.begin(), values_.end(), limit,
                       [](double l, float v) { return l < static_cast<double>(v); }) -
      values_.begin());
}

CodeSums code_sums(const Magnitudes& weights, const Pattern& pattern,
                   std::span<const double> thresholds) {
  CodeSums sums;
  std::size_t to = weights.values().size();
  for (std::size_t j = pattern.magnitudes.size(); j-- > 0;) {
    const bool lowest = j == 0 && !pattern.zero;
    const std::size_t from = lowest ? 0 : std::min(to, weights.at_most(thresholds[j]));
    const double q = pattern.magnitudes[j], h = weights.importance(from, to);
    sums.product += q * weights.moment(from, to);
    sums.square += q * q * h;
    sums.absolute += q * h;
    to = from;
  }
  return sums;
}

std::vector<double> nearest_thresholds(const Pattern& pattern, double scale) {
  std::vector<double> thresholds;
  for (std::size_t j = 0; j < pattern.magnitudes.size(); ++j) {
    thresholds.push_back(scale * (below(pattern, j) + pattern.magnitudes[j]) / 2);
  }
  return thresholds;
}

double squared_error(const Magnitudes& weights, const Pattern& pattern, double scale) {
  const auto sums = code_sums(weights, pattern, nearest_thresholds(pattern, scale));
  return weights.square(0, weights.values().size()) - 2 * scale * sums.product +
         scale * scale * sums.square;
}

double best_scale(const Magnitudes& weights, const Pattern& pattern) {
  const auto values = weights.values();
  if (weights.empty()) return 0;
  if (!pattern.zero) return weights.moment(0, values.size()) / weights.importance(0, values.size());
  // As the scale falls, weights move up one level after the other: each at a breakpoint of its own.
  struct Move {
    double scale;
    std::size_t magnitude, weight;
    bool operator<(const Move& other) const {
      return scale != other.scale ? scale < other.scale : magnitude < other.magnitude;
    }
  };
  const auto move_of = [&](std::size_t magnitude, std::size_t weight) {
    return Move{2 * static_cast<double>(values[weight]) /
                    (below(pattern, magnitude) + pattern.magnitudes[magnitude]),
                magnitude, weight};
  };
  std::priority_queue<Move> moves;
  for (std::size_t j = 0; j < pattern.magnitudes.size(); ++j)
    moves.push(move_of(j, values.size() - 1));
  double product = 0, square = 0, most = 0, best = 0;
  while (!moves.empty()) {
    const auto [scale, magnitude, weight] = moves.top();
    moves.pop();
    const double low = below(pattern, magnitude), high = pattern.magnitudes[magnitude];
    product += (high - low) * weights.moment(weight, weight + 1);
    square += (high * high - low * low) * weights.importance(weight, weight + 1);
    // Any assignment may be tried: the best one is consistent with its scale.
    if (square > 0 && product * product > most * square) {
      most = product * product / square;
      best = product / square;
    }
    if (weight > 0 && values[weight - 1] > 0) moves.push(move_of(magnitude, weight - 1));
  }
  return best;
}

double power_of_largest(const Magnitudes& weights) {
  return weights.empty() ? 0 : power_near(weights.values().back());
}

double power_of_codes(const CodeSums& sums) {
  return sums.product > 0 ? power_near(sums.product / sums.square) : 0;
}

double highest_power(double largest, const Pattern& pattern) {
  // Of powers of two, the lower ones of a coarser scale are levels of the finer one too, so that
  // none above the largest weight's is better. Otherwise from where all weights become zero.
  const double scale = power_near(largest);
  if (all_powers(pattern)) return scale;
  return std::min(std::ldexp(scale, 1 - std::ilogb(pattern.magnitudes.front())), largest_power);
}

double best_power(const Magnitudes& weights, const Pattern& pattern) {
  if (weights.empty()) return 0;
  const std::size_t count = weights.values().size();
  if (!pattern.zero) return power_of_codes(code_sums(weights, pattern, {}));
  double scale = highest_power(weights.values().back(), pattern);
  double best = scale, least = std::numeric_limits<double>::infinity();
  for (; scale > 0; scale /= 2) {
    const double error = squared_error(weights, pattern, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
    // What lies beyond the highest level alone costs ever more from here on.
    const std::size_t beyond = weights.at_most(scale);
    const double clipping = weights.square(beyond, count) -
                            2 * scale * weights.moment(beyond, count) +
                            scale * scale * weights.importance(beyond, count);
    if (clipping >= least) break;
  }
  return best;
}

}  // namespace laconic
