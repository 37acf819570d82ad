#include "quantize/trellis_search.h"

#include <algorithm>
#include <functional>

#include "quantize/every_isa.h"
#include "quantize/trellis_lanes.h"

namespace laconic::trellis {
namespace {

constexpr std::size_t all = states, half = states / 2;

/// The subset of the values that lead from a state's predecessor in either half to the state.
constexpr auto subset_into = [] {
  std::array<std::array<std::size_t, all>, 2> table{};
  for (State from = 0; from < all; ++from) {
    for (const bool odd_number : {false, true})
      table[from >= half][next(from, odd_number)] = std::size_t{2} * is_odd(from) + odd_number;
  }
  return table;
}();

/// Four weights at a time, which every path has to come: a lane for each of them and each subset.
constexpr std::size_t at_once = lanes / subsets;
constexpr auto subset_of_four = [](std::size_t lane) { return lane % subsets; };

/// A lane for each way into a state: from the lower half of the states, then from the upper one.
constexpr auto subset_of_way = [](std::size_t lane) { return subset_into[lane / all][lane % all]; };
static_assert(lanes == 2 * all);

using Vector = float __attribute__((vector_size(sizeof(float) * all)));
using Mask = std::int32_t __attribute__((vector_size(sizeof(float) * all)));

/// Each state's predecessors in the lower and in the upper half of the states.
[[gnu::always_inline]] inline void spread(const Vector& of, Vector& lower, Vector& upper) {
  lower = __builtin_shufflevector(of, of, 0, 0, 1, 1, 2, 2, 3, 3);
  upper = __builtin_shufflevector(of, of, 4, 4, 5, 5, 6, 6, 7, 7);
}

/// The ways from the lower half of the states, and those from the upper one.
template <typename Sixteen, typename Eight>
[[gnu::always_inline]] inline void halve(const Sixteen& of, Eight& lower, Eight& upper) {
  lower = __builtin_shufflevector(of, of, 0, 1, 2, 3, 4, 5, 6, 7);
  upper = __builtin_shufflevector(of, of, 8, 9, 10, 11, 12, 13, 14, 15);
}

/// Of four subsets, what leads into each state from the lower and from the upper half.
template <typename T, typename Eight>
[[gnu::always_inline]] inline void by_way(const T* subset, Eight& lower, Eight& upper) {
  static_assert(subset_into[0] == std::array<std::size_t, all>{0, 1, 2, 3, 1, 0, 3, 2} &&
                subset_into[1] == std::array<std::size_t, all>{1, 0, 3, 2, 0, 1, 2, 3});
  T of __attribute__((vector_size(sizeof(T) * subsets)));
  load(of, subset);
  lower = __builtin_shufflevector(of, of, 0, 1, 2, 3, 1, 0, 3, 2);
  upper = __builtin_shufflevector(of, of, 1, 0, 3, 2, 0, 1, 2, 3);
}

/// Four numbers, each in the lanes of its weight.
[[gnu::always_inline]] inline void repeat(const float* numbers, Floats& in) {
  float of __attribute__((vector_size(sizeof(float) * at_once)));
  load(of, numbers);
  in = __builtin_shufflevector(of, of, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
}

/// Lanes whose subsets have zero.
template <typename SubsetOf>
void mark_zeros(SubsetOf subset_of, Ints& mask) {
  for (std::size_t lane = 0; lane < lanes; ++lane) mask[lane] = has_zero(subset_of(lane)) ? -1 : 0;
}

/// A weight that has to become zero costs its square there, or cannot be had.
[[gnu::always_inline]] inline void keep_zeros(const Ints& become_zero, const Ints& zero_lanes,
                                              const Floats& weights, const Floats& scales,
                                              Floats& costs, Ints& values) {
  const Floats squares = scales * weights * weights;
  costs = become_zero ? (zero_lanes ? squares : Floats{} + never) : costs;
  values = become_zero ? Ints{} : values;
}

/// Moves all paths on by a value.
[[gnu::always_inline]] inline void advance(Vector& costs, const Vector& lower_costs,
                                           const Vector& upper_costs, Mask& from_upper) {
  Vector lower, upper;
  spread(costs, lower, upper);
  lower += lower_costs;
  upper += upper_costs;
  from_upper = upper < lower;
  costs = from_upper ? upper : lower;
}

/// Kept small, so that floats tell sums of long paths apart.
[[gnu::always_inline]] inline void subtract_least(Vector& costs) {
  float least = costs[0];
  for (std::size_t i = 1; i < all; ++i) least = costs[i] < least ? costs[i] : least;
  costs -= least;
}

/// Of every row, each new survivor takes its predecessor's entry less its error times the factor.
LACONIC_EVERY_ISA void move_on(std::span<std::array<float, all>> rest, const float* factors,
                               const Mask& from_upper, const Vector& errors) {
  for (std::size_t k = 0; k < rest.size(); ++k) {
    Vector old, lower, upper;
    load(old, rest[k].data());
    spread(old, lower, upper);
    const Vector moved = (from_upper ? upper : lower) - errors * factors[k];
    store(moved, rest[k].data());
  }
}

}  // namespace

void Search::find(std::span<const float> weights, const PathMetric& metric, float step,
                  std::span<const std::uint8_t> zeros, const Prices& prices, Range range,
                  std::span<std::int32_t> values) {
  steps_.resize(weights.size());
  costs_.fill(never);
  costs_[0] = 0;
  if (metric.upper != nullptr) {
    follow_compensated(weights, metric, step, zeros, prices, range);
  } else {
    follow_alike(weights, metric, step, zeros, prices, range);
  }
  trace_back(values);
}

/// All paths have the same weights to come.
LACONIC_EVERY_ISA void Search::follow_alike(std::span<const float> weights,
                                            const PathMetric& metric, float step,
                                            std::span<const std::uint8_t> zeros,
                                            const Prices& prices, Range range) {
  Vector costs;
  load(costs, costs_.data());
  const Lanes four(prices, range, subset_of_four);
  Ints zero_lanes{};
  mark_zeros(subset_of_four, zero_lanes);
  padded_.assign((weights.size() + at_once - 1) / at_once * at_once, 0.0F);
  std::ranges::copy(weights, padded_.begin());
  scales_.assign(padded_.size(), step * step);
  if (!metric.scales.empty())
    std::ranges::transform(metric.scales.first(weights.size()), scales_, scales_.begin(),
                           std::multiplies{});
  std::array<float, lanes> picked_costs;
  std::array<std::int32_t, lanes> picked_values;
  for (std::size_t begin = 0; begin < weights.size(); begin += at_once) {
    const std::size_t size = std::min(at_once, weights.size() - begin);
    Ints become_zero{};
    for (std::size_t lane = 0; lane < lanes && !zeros.empty(); ++lane) {
      const std::size_t i = begin + lane / subsets;
      become_zero[lane] = i < weights.size() && zeros[i] != 0 ? -1 : 0;
    }
    Floats of_weights, of_scales, pick_costs;
    Ints pick_values;
    repeat(padded_.data() + begin, of_weights);
    repeat(scales_.data() + begin, of_scales);
    four.pick(of_weights, of_scales, pick_costs, pick_values);
    if (!zeros.empty())
      keep_zeros(become_zero, zero_lanes, of_weights, of_scales, pick_costs, pick_values);
    store(pick_costs, picked_costs.data());
    store(pick_values, picked_values.data());
    for (std::size_t i = 0; i < size; ++i) {
      Vector lower_costs, upper_costs;
      Mask lower, upper, from_upper;
      by_way(picked_costs.data() + i * subsets, lower_costs, upper_costs);
      by_way(picked_values.data() + i * subsets, lower, upper);
      advance(costs, lower_costs, upper_costs, from_upper);
      const Mask taken = from_upper ? upper : lower;
      store(from_upper, steps_[begin + i].from_upper.data());
      store(taken, steps_[begin + i].values.data());
    }
    subtract_least(costs);
  }
  store(costs, costs_.data());
}

/// Each of the surviving paths has a rest of its own.
LACONIC_EVERY_ISA void Search::follow_compensated(std::span<const float> weights,
                                                  const PathMetric& metric, float step,
                                                  std::span<const std::uint8_t> zeros,
                                                  const Prices& prices, Range range) {
  const auto size = weights.size(), width = static_cast<std::size_t>(metric.width);
  rest_.resize(size);
  for (std::size_t k = 0; k < size; ++k) rest_[k].fill(weights[k]);
  Vector costs;
  load(costs, costs_.data());
  const Lanes ways(prices, range, subset_of_way);
  Ints zero_lanes{};
  mark_zeros(subset_of_way, zero_lanes);
  for (std::size_t j = 0; j < size; ++j) {
    const std::size_t panel = j / width * width, end = std::min(panel + width, size);
    const float* row = metric.upper + j * width;
    const float diagonal = row[j - panel], scale = step * step / (diagonal * diagonal);
    Vector rest, lower_rest, upper_rest;
    load(rest, rest_[j].data());
    spread(rest, lower_rest, upper_rest);
    const Floats way_weights =
        __builtin_shufflevector(rest, rest, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    Floats way_costs;
    Ints way_values;
    ways.pick(way_weights, Floats{} + scale, way_costs, way_values);
    if (!zeros.empty() && zeros[j] != 0)
      keep_zeros(Ints{} - 1, zero_lanes, way_weights, Floats{} + scale, way_costs, way_values);
    Vector lower_costs, upper_costs;
    Mask lower, upper, from_upper;
    halve(way_costs, lower_costs, upper_costs);
    halve(way_values, lower, upper);
    advance(costs, lower_costs, upper_costs, from_upper);
    subtract_least(costs);
    const Mask taken = from_upper ? upper : lower;
    store(from_upper, steps_[j].from_upper.data());
    store(taken, steps_[j].values.data());
    const Vector errors =
        ((from_upper ? upper_rest : lower_rest) - __builtin_convertvector(taken, Vector)) /
        diagonal;
    move_on(std::span(rest_).subspan(j + 1, end - j - 1), row + (j + 1 - panel), from_upper,
            errors);
  }
  store(costs, costs_.data());
}

void Search::trace_back(std::span<std::int32_t> values) const {
  auto state = static_cast<std::size_t>(std::ranges::min_element(costs_) - costs_.begin());
  for (std::size_t j = values.size(); j-- > 0;) {
    values[j] = steps_[j].values[state];
    state = state / 2 + (steps_[j].from_upper[state] != 0 ? half : 0);
  }
}

}  // namespace laconic::trellis
