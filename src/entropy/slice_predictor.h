// Linear prediction within the slices of a convolution's kernel.
//
// The taps of one slice (the weights from one input channel to one output channel) are correlated:
// filters are smooth. From the slices seen so far this estimates the taps' second moments and, by
// their LDL^T factors, the best linear prediction of each tap from those before it, with the
// deviation of what remains. All in integers: values and predictions in 1/256ths of an index.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace laconic {

class SlicePredictor {
 public:
  static constexpr std::size_t max_taps = 64;

  /// Slices of 1 to max_taps taps in rows of `width`.
  SlicePredictor(std::size_t taps, std::size_t width);

  /// What to expect of `tap`, given that those before it were observed.
  [[nodiscard]] std::int64_t predict(std::size_t tap) const {
    const std::int32_t* factors = &factors_[tap * taps_];
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < tap; ++k) sum += std::int64_t{factors[k]} * residuals_[k];
    return sum >> factor_bits;
  }

  /// Takes the index found at `tap`, less zero's, in [-255, 255], and what was predicted. Returns
  /// |residual| in units of its deviation, in 1/256ths, at most 16.
  std::uint32_t observe(std::size_t tap, int value, std::int64_t predicted) {
    const std::int64_t residual = 256 * value - predicted;
    values_[tap] = value;
    residuals_[tap] = static_cast<std::int32_t>(residual);
    const std::int64_t relative = (std::abs(residual) * inverse_deviations_[tap]) >> 16;
    if (tap + 1 == taps_) end_slice();
    return static_cast<std::uint32_t>(std::min<std::int64_t>(relative, 4096));
  }

  /// Binary logarithms, in 1/256ths, of the deviation of a tap's residual and of the tap itself.
  [[nodiscard]] int log_deviation(std::size_t tap) const { return log_deviations_[tap]; }
  [[nodiscard]] int log_spread(std::size_t tap) const { return log_spreads_[tap]; }

 private:
  static constexpr int factor_bits = 14;

  void end_slice();
  void refresh();
  [[nodiscard]] std::vector<std::int64_t> moments() const;

  std::size_t taps_, width_;
  std::int64_t slices_ = 0;
  std::int64_t next_refresh_ = 0;
  std::vector<std::int64_t> sums_;     ///< Of products of taps; lower triangle.
  std::vector<std::int32_t> factors_;  ///< L, strictly lower triangle.
  std::vector<std::int32_t> values_, residuals_, inverse_deviations_;
  std::vector<int> log_deviations_, log_spreads_;
};

}  // namespace laconic
