// Codebooks that are one pattern times a scale, and the scale that suits weights best.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace laconic {

/// Magnitudes of the levels at scale 1, ascending, the last of them 1; and whether zero is one too.
struct Pattern {
  std::vector<double> magnitudes;
  bool zero = true;
};

/// binary: 1. ternary: 0, 1. linear: 0, 1/k, ..., 1 and log: 0, 2^(1-k), ..., 1/2, 1 with
/// k = 2^(bits-1) - 1. powers: 0, 2^(1-n), ..., 1/2, 1 with n = 2^(bits-2).
[[nodiscard]] Pattern make_pattern(std::string_view name, int bits);

/// Magnitudes of weights, ascending, with running sums up to each of their size() + 1 borders.
class Magnitudes {
 public:
  /// Values need not be sorted; those without importance are left out.
  Magnitudes(std::span<const float> values, std::span<const float> importance);

  [[nodiscard]] std::span<const float> values() const { return values_; }
  [[nodiscard]] bool empty() const { return values_.empty() || values_.back() == 0; }
  [[nodiscard]] double importance(std::size_t from, std::size_t to) const {
    return h_[to] - h_[from];
  }
  [[nodiscard]] double moment(std::size_t from, std::size_t to) const { return s_[to] - s_[from]; }
  [[nodiscard]] double square(std::size_t from, std::size_t to) const { return q_[to] - q_[from]; }

  /// How many values are at most `limit`.
  [[nodiscard]] std::size_t at_most(double limit) const;

 private:
  std::vector<float> values_;
  std::vector<double> h_, s_, q_;
};

/// Sums over codes b of weights w with importance d: the squared error of scale a is
/// sum d w^2 - 2 a product + a^2 square.
struct CodeSums {
  double product = 0;   ///< Of d b |w|.
  double square = 0;    ///< Of d b^2.
  double absolute = 0;  ///< Of d b.
};

/// Weights above thresholds[j] take magnitude j, those at most the first one zero (or the first
/// magnitude, where the pattern has no zero).
[[nodiscard]] CodeSums code_sums(const Magnitudes& weights, const Pattern& pattern,
                                 std::span<const double> thresholds);

/// Half way between neighbouring levels at this scale.
[[nodiscard]] std::vector<double> nearest_thresholds(const Pattern& pattern, double scale);

[[nodiscard]] double squared_error(const Magnitudes& weights, const Pattern& pattern, double scale);

/// The optimum over real scales; 0 where all weights are zero.
[[nodiscard]] double best_scale(const Magnitudes& weights, const Pattern& pattern);

/// The optimum over powers of two.
[[nodiscard]] double best_power(const Magnitudes& weights, const Pattern& pattern);

/// A power of two above which none is better, for weights up to `largest`, which is positive.
[[nodiscard]] double highest_power(double largest, const Pattern& pattern);

/// floor(log2(4 / 3 x the largest weight)) as a power of two: INQ's rule.
[[nodiscard]] double power_of_largest(const Magnitudes& weights);

/// The power of two that suits codes with these sums best.
[[nodiscard]] double power_of_codes(const CodeSums& sums);

}  // namespace laconic
