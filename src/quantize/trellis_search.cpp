#include "quantize/trellis_search.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace laconic::trellis {
namespace {

constexpr float never = std::numeric_limits<float>::infinity();
constexpr std::size_t all = states, half = states / 2;

/// Subset 2 * (odd set) + (odd number): the magnitudes 4, 8, ... and zero; 2, 6, ...; 3, 7, ... and
/// zero; 1, 5, ....
constexpr std::size_t subsets = 4;
constexpr std::array<int, subsets> first_magnitude{4, 2, 3, 1};

/// The subset of the values that lead from a state's predecessor in either half to the state.
constexpr auto subset_into = [] {
  std::array<std::array<std::size_t, 2>, all> table{};
  for (State from = 0; from < all; ++from) {
    for (const bool odd_number : {false, true})
      table[next(from, odd_number)][from >= half] = std::size_t{2} * is_odd(from) + odd_number;
  }
  return table;
}();

struct Pick {
  float cost = never;
  int value = 0;
};

/// The cheapest value of a subset for a weight in steps: of zero, where it has it, and the two
/// about the weight; prices rise away from zero.
Pick cheapest(std::size_t subset, float weight, float scale, const Prices& prices, Range range) {
  Pick best;
  const bool odd = subset >= 2;
  const auto consider = [&](int value) {
    const float error = weight - static_cast<float>(value);
    const float cost = scale * error * error + prices.of(odd, value);
    if (cost < best.cost) best = {cost, value};
  };
  if (subset % 2 == 0) consider(0);
  const int first = first_magnitude[subset];
  const auto on_side = [&](int sign) {
    const int limit = sign < 0 ? -range.lowest : range.highest;
    const float beyond = static_cast<float>(sign) * weight - static_cast<float>(first);
    int value = first + 4 * static_cast<int>(std::clamp(beyond, 0.0F, 131072.0F) / 4);
    if (value > limit) value -= (value - limit + 3) / 4 * 4;
    if (value < first) return;
    consider(sign * value);
    if (beyond > 0 && value + 4 <= limit) consider(sign * (value + 4));
  };
  const int sign = weight < 0 ? -1 : 1;
  on_side(sign);
  if (best.cost == never) on_side(-sign);
  return best;
}

using Vector = float __attribute__((vector_size(sizeof(float) * all)));
using Mask = std::int32_t __attribute__((vector_size(sizeof(float) * all)));

/// Of every row, each new survivor takes its predecessor's entry less its error times the factor.
void move_on(std::span<std::array<float, all>> rest, const float* factors,
             const std::array<std::uint8_t, all>& from, const std::array<float, all>& errors) {
  Vector error;
  Mask high;
  std::memcpy(&error, errors.data(), sizeof(error));
  for (std::size_t to = 0; to < all; ++to) high[to] = from[to] >= half ? -1 : 0;
  for (std::size_t k = 0; k < rest.size(); ++k) {
    Vector old;
    std::memcpy(&old, rest[k].data(), sizeof(old));
    const Vector low_half = __builtin_shufflevector(old, old, 0, 0, 1, 1, 2, 2, 3, 3);
    const Vector high_half = __builtin_shufflevector(old, old, 4, 4, 5, 5, 6, 6, 7, 7);
    const Vector moved = (high ? high_half : low_half) - error * factors[k];
    std::memcpy(rest[k].data(), &moved, sizeof(moved));
  }
}

}  // namespace

Prices::Prices(int lowest, int highest) : lowest_(lowest), highest_(highest) {
  for (auto& prices : prices_) prices.assign(static_cast<std::size_t>(highest - lowest + 1), 0.0F);
  forget();
}

void Prices::forget() {
  for (const bool odd : {false, true}) {
    counts_[odd].assign(prices_[odd].size(), 0);
    for (int value = lowest_; value <= highest_; ++value) {
      if (has(odd, value)) counted(odd, value) = 0.5;
    }
  }
}

bool Prices::count_path(std::span<const std::int32_t> values) {
  State state = 0;
  for (const int value : values) {
    if (!has(is_odd(state), value)) return false;
    ++counted(is_odd(state), value);
    state = after(state, value);
  }
  return true;
}

void Prices::count_weight(float weight) {
  const float magnitude = std::min(std::abs(weight), 131072.0F);
  const int sign = weight < 0 ? -1 : 1, limit = sign < 0 ? -lowest_ : highest_;
  int even = 2 * static_cast<int>((magnitude + 1) / 2);
  int odd = magnitude <= 0.5F ? 0 : 2 * static_cast<int>(magnitude / 2) + 1;
  if (even > limit) even = limit / 2 * 2;
  if (odd > limit) odd = limit > 0 ? limit - (limit + 1) % 2 : 0;
  ++counted(false, sign * even);
  ++counted(true, sign * odd);
}

void Prices::set(double lambda) {
  for (const bool odd : {false, true}) {
    double total = 0;
    for (const double count : counts_[odd]) total += count;
    for (std::size_t i = 0; i < prices_[odd].size(); ++i) {
      const double count = counts_[odd][i];
      prices_[odd][i] = count > 0 ? static_cast<float>(-lambda * std::log2(count / total)) : 0;
    }
  }
}

void Search::find(std::span<const float> weights, const PathMetric& metric, float step,
                  std::span<const std::uint8_t> zeros, const Prices& prices, Range range,
                  std::span<std::int32_t> values) {
  const auto size = weights.size(), width = static_cast<std::size_t>(metric.width);
  const bool compensates = metric.upper != nullptr;
  steps_.resize(size);
  rest_.resize(compensates ? size : 0);
  for (std::size_t k = 0; k < rest_.size(); ++k) rest_[k].fill(weights[k]);
  costs_.fill(never);
  costs_[0] = 0;
  for (std::size_t j = 0; j < size; ++j) {
    const bool zero = !zeros.empty() && zeros[j] != 0;
    const std::size_t panel = compensates ? j / width * width : 0;
    const float* row = compensates ? metric.upper + j * width : nullptr;
    const float diagonal = compensates ? row[j - panel] : 1;
    const float importance = metric.scales.empty() || compensates ? 1 : metric.scales[j];
    const float scale = step * step * importance / (diagonal * diagonal);
    const auto pick = [&](std::size_t subset, float weight) {
      if (!zero) return cheapest(subset, weight, scale, prices, range);
      return subset % 2 == 0 ? Pick{scale * weight * weight, 0} : Pick{};
    };
    if (compensates) {
      const Eight& rest = rest_[j];
      advance(steps_[j],
              [&](std::size_t from, std::size_t subset) { return pick(subset, rest[from]); });
      Eight errors;
      for (std::size_t to = 0; to < all; ++to)
        errors[to] =
            (rest[steps_[j].from[to]] - static_cast<float>(steps_[j].values[to])) / diagonal;
      const std::size_t end = std::min(panel + width, size);
      move_on(std::span(rest_).subspan(j + 1, end - j - 1), row + (j + 1 - panel), steps_[j].from,
              errors);
    } else {
      // All paths have the same weight to come.
      std::array<Pick, subsets> shared;
      for (std::size_t subset = 0; subset < subsets; ++subset)
        shared[subset] = pick(subset, weights[j]);
      advance(steps_[j], [&](std::size_t, std::size_t subset) { return shared[subset]; });
    }
  }
  trace_back(values);
}

template <typename PickOf>
void Search::advance(Step& step, PickOf pick_of) {
  Eight next;
  next.fill(never);
  for (std::size_t to = 0; to < all; ++to) {
    step.from[to] = static_cast<std::uint8_t>(to / 2);
    step.values[to] = 0;
    for (const std::size_t upper : {std::size_t{0}, std::size_t{1}}) {
      const std::size_t from = to / 2 + upper * half;
      if (costs_[from] == never) continue;
      const Pick best = pick_of(from, subset_into[to][upper]);
      const float cost = costs_[from] + best.cost;
      if (!(cost < next[to])) continue;
      next[to] = cost;
      step.values[to] = best.value;
      step.from[to] = static_cast<std::uint8_t>(from);
    }
  }
  // Kept small, so that floats tell sums of long paths apart.
  const float least = *std::ranges::min_element(next);
  for (std::size_t to = 0; to < all; ++to) costs_[to] = next[to] - least;
}

void Search::trace_back(std::span<std::int32_t> values) const {
  auto state = static_cast<std::size_t>(std::ranges::min_element(costs_) - costs_.begin());
  for (std::size_t j = values.size(); j-- > 0;) {
    values[j] = steps_[j].values[state];
    state = steps_[j].from[state];
  }
}

}  // namespace laconic::trellis
