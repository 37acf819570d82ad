// What the values that the trellis admits cost in bits, and the subsets that its steps choose
// among.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/trellis.h"

namespace laconic::trellis {

/// Subset 2 * (odd set) + (odd number): the magnitudes 4, 8, ... and zero; 2, 6, ...; 3, 7, ... and
/// zero; 1, 5, ....
inline constexpr std::size_t subsets = 4;
inline constexpr std::array<std::int32_t, subsets> first_magnitude{4, 2, 3, 1};
[[nodiscard]] constexpr bool has_zero(std::size_t subset) noexcept {
  return subset % 2 == 0;
}
[[nodiscard]] constexpr bool is_of_odd_set(std::size_t subset) noexcept {
  return subset >= 2;
}

/// Values of a subset on a side of zero, of magnitudes up to `limit`.
[[nodiscard]] constexpr std::int32_t count_to(std::size_t subset, std::int32_t limit) noexcept {
  const std::int32_t first = first_magnitude[subset];
  return limit < first ? 0 : (limit - first) / 4 + 1;
}

/// Values that a path may take, within those that have prices; lowest <= 0 <= highest.
struct Range {
  int lowest, highest;
};

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
  [[nodiscard]] float of(bool is_odd, int value) const { return prices_[place(is_odd, value)]; }
  /// The prices of a subset's values on one side of zero, from the first of them outwards, and one
  /// more number.
  [[nodiscard]] const float* outwards(std::size_t subset, bool negative) const {
    return table_.data() + starts_[subset][negative];
  }

 private:
  [[nodiscard]] std::size_t place(bool is_odd, int value) const noexcept {
    return (is_odd ? prices_.size() / 2 : 0) + static_cast<std::size_t>(value - lowest_);
  }
  void lay_out();

  int lowest_, highest_;
  std::vector<double> counts_;  ///< Those of the even set, then those of the odd one.
  std::vector<float> prices_;
  std::vector<float> table_;  ///< The same by subset and side.
  std::array<std::array<std::size_t, 2>, subsets> starts_{};
};

}  // namespace laconic::trellis
