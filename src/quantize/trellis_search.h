// The cheapest values that the trellis admits for an output channel's weights, in the metric of
// their inputs.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/trellis.h"
#include "quantize/trellis_prices.h"

namespace laconic::trellis {

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
  void follow_alike(std::span<const float> weights, const PathMetric& metric, float step,
                    std::span<const std::uint8_t> zeros, const Prices& prices, Range range);
  void follow_compensated(std::span<const float> weights, const PathMetric& metric, float step,
                          std::span<const std::uint8_t> zeros, const Prices& prices, Range range);
  void trace_back(std::span<std::int32_t> values) const;

  /// How each state was come to: the value, and whether (-1) from the upper half of the states.
  struct Step {
    std::array<std::int32_t, states> values, from_upper;
  };

  std::array<float, states> costs_{};  ///< Of the cheapest path to each state.
  /// What each of these paths leaves to be made of the weights to come.
  std::vector<std::array<float, states>> rest_;
  std::vector<Step> steps_;
  std::vector<float> padded_, scales_;
};

}  // namespace laconic::trellis
