// The cheapest value of a subset for a weight, sixteen at once in the lanes of vectors.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "quantize/trellis_prices.h"

namespace laconic::trellis {

/// Costs of what cannot be had.
inline constexpr float never = std::numeric_limits<float>::infinity();

/// As many searches at once.
inline constexpr std::size_t lanes = 16;
using Floats = float __attribute__((vector_size(sizeof(float) * lanes)));
using Ints = std::int32_t __attribute__((vector_size(sizeof(float) * lanes)));

template <typename V, typename T>
[[gnu::always_inline]] inline void load(V& vector, const T* from) {
  std::memcpy(&vector, from, sizeof(vector));
}
template <typename V, typename T>
[[gnu::always_inline]] inline void store(const V& vector, T* to) {
  std::memcpy(to, &vector, sizeof(vector));
}

/// The subset that each lane searches, and what is there.
class Lanes {
 public:
  /// subset_of(lane). Prices have to outlive this.
  template <typename SubsetOf>
  Lanes(const Prices& prices, Range range, SubsetOf subset_of) : table_(prices.outwards(0, false)) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t subset = subset_of(lane);
      first_[lane] = first_magnitude[subset];
      third_[lane] = has_zero(subset) ? 0 : -first_[lane];
      for (const bool negative : {false, true}) {
        last_[negative][lane] = count_to(subset, negative ? -range.lowest : range.highest) - 1;
        const float* own = prices.outwards(subset, negative);
        start_[negative][lane] = static_cast<std::int32_t>(own - table_);
        const bool is_beyond = count_to(subset, negative ? range.highest : -range.lowest) > 0;
        third_price_[negative][lane] = has_zero(subset) ? prices.of(is_of_odd_set(subset), 0)
                                       : is_beyond      ? *prices.outwards(subset, !negative)
                                                        : never;
      }
    }
  }

  /// The cheapest value of a lane's subset for its weight in steps: of the two about the weight,
  /// and zero, or where the subset lacks it the first value beyond zero; prices rise away from
  /// zero.
  [[gnu::always_inline]] void pick(const Floats& weights, const Floats& scales, Floats& costs,
                                   Ints& values) const {
    const Ints negative = weights < 0;
    const Floats magnitude = negative ? -weights : weights;
    const Ints last = negative ? last_[1] : last_[0], start = negative ? start_[1] : start_[0];
    Floats beyond = (magnitude - __builtin_convertvector(first_, Floats)) * 0.25F;
    beyond = beyond > 0 ? beyond : Floats{};
    beyond = beyond < 32768 ? beyond : Floats{} + 32768;
    Ints number = __builtin_convertvector(beyond, Ints);
    number = number < last ? number : last;
    const Ints is_there = number >= 0, place = start + (is_there ? number : Ints{});
    Floats near_price, far_price;
    for (std::size_t lane = 0; lane < lanes; ++lane) near_price[lane] = table_[place[lane]];
    for (std::size_t lane = 0; lane < lanes; ++lane) far_price[lane] = table_[place[lane] + 1];
    const Ints near = first_ + 4 * number, far = near + 4;
    const Floats near_error = magnitude - __builtin_convertvector(near, Floats);
    const Floats far_error = magnitude - __builtin_convertvector(far, Floats);
    const Floats third_error = magnitude - __builtin_convertvector(third_, Floats);
    Floats near_cost = scales * near_error * near_error + near_price;
    Floats far_cost = scales * far_error * far_error + far_price;
    near_cost = is_there ? near_cost : Floats{} + never;
    far_cost = number < last ? far_cost : Floats{} + never;
    costs = scales * third_error * third_error + (negative ? third_price_[1] : third_price_[0]);
    values = near_cost < costs ? near : third_;
    costs = near_cost < costs ? near_cost : costs;
    values = far_cost < costs ? far : values;
    costs = far_cost < costs ? far_cost : costs;
    // What cannot be had, or costs more than floats hold, must not lead out of the range.
    values = costs < never ? values : Ints{};
    values = negative ? -values : values;
  }

 private:
  const float* table_;
  /// Magnitudes: the first, and what is looked at besides the two about the weight (less than zero:
  /// beyond zero).
  Ints first_{}, third_{};
  /// Of both sides of zero: the last value's number (-1: none), and the place of the first one's
  /// price.
  std::array<Ints, 2> last_{}, start_{};
  std::array<Floats, 2> third_price_{};
};

}  // namespace laconic::trellis
