// The cheapest values that the trellis admits for an output channel's weights, in the metric of
// their inputs.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/trellis.h"

namespace laconic::trellis {

/// What each value costs in each of the two sets: lambda times the length of its code.
class Prices {
 public:
  /// All values from `lowest` <= 0 to `highest` >= 0 for nothing.
  Prices(int lowest, int highest);

  /// Forgets what was counted; each value counts one half then.
  void forget();
  /// Counts a path's values in the sets that the trellis has for them. False at the first value
  /// that it does not admit.
  bool count_path(std::span<const std::int32_t> values);
  /// Counts, in both sets, the value nearest to a weight in steps.
  void count_weight(float weight);
  /// From what was counted.
  void set(double lambda);

  [[nodiscard]] int lowest() const noexcept { return lowest_; }
  [[nodiscard]] int highest() const noexcept { return highest_; }
  [[nodiscard]] float of(bool is_odd, int value) const {
    return prices_[is_odd][static_cast<std::size_t>(value - lowest_)];
  }

 private:
  [[nodiscard]] double& counted(bool is_odd, int value) {
    return counts_[is_odd][static_cast<std::size_t>(value - lowest_)];
  }

  int lowest_, highest_;
  std::array<std::vector<double>, 2> counts_;
  std::array<std::vector<float>, 2> prices_;
};

/// How errors of one weight are made up for by those after it.
struct PathMetric {
  /// Upper triangular with rows of `width`: column j's error, over its diagonal entry, moves column
  /// k > j of its panel (the next multiple of `width` ends it) by entry (j, k mod width). Null: not
  /// at all.
  const float* upper = nullptr;
  std::int64_t width = 0;
  /// Without `upper`: what a squared error of each weight costs; empty: 1.
  std::span<const float> scales = {};
};

/// Values that a path may take, within those that have prices; lowest <= 0 <= highest.
struct Range {
  int lowest, highest;
};

/// Finds paths; keeps its memory from one to the next. One thread at a time.
class Search {
 public:
  /// Values that minimise the cost of errors plus prices, among all paths from state 0 (Viterbi;
  /// with a metric, each of the 8 surviving paths has its own compensation, so that the minimum is
  /// of those that survive). Weights and errors are in units of `step`, by which `metric` is
  /// multiplied: costs are step^2 times squares. `zeros`, empty or an entry a weight, tells which
  /// must become zero.
  void find(std::span<const float> weights, const PathMetric& metric, float step,
            std::span<const std::uint8_t> zeros, const Prices& prices, Range range,
            std::span<std::int32_t> values);

 private:
  using Eight = std::array<float, states>;
  /// How each state was come to.
  struct Step {
    std::array<std::int32_t, states> values;
    std::array<std::uint8_t, states> from;
  };

  /// Moves all paths on by a value; pick_of(from, subset) is the cheapest of a subset.
  template <typename PickOf>
  void advance(Step& step, PickOf pick_of);
  void trace_back(std::span<std::int32_t> values) const;

  Eight costs_{};            ///< Of the cheapest path to each state.
  std::vector<Eight> rest_;  ///< What each of these paths leaves to be made of the weights to come.
  std::vector<Step> steps_;
};

}  // namespace laconic::trellis
