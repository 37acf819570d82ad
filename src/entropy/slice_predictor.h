// Linear prediction within the slices of a convolution's kernel.
//
// The taps of one slice (the weights from one input channel to one output channel) are correlated:
// filters are smooth. From the slices seen so far this estimates the taps' second moments and, by
// their LDL^T factors, the best linear prediction of each tap from those before it, with the
// deviation of what remains. All in integers: values and predictions in 1/256ths of an index.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace laconic {

class SlicePredictor {
 public:
  static constexpr std::size_t max_taps = 64;

  /// Slices of 1 to max_taps taps in rows of `width`.
  SlicePredictor(std::size_t taps, std::size_t width);

  /// What to expect of `tap`, given what those before it had beyond what was expected of them.
  [[nodiscard]] std::int64_t predict(std::size_t tap, const std::int32_t* residuals) const {
    const std::int32_t* factors = &factors_[tap * taps_];
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < tap; ++k) sum += std::int64_t{factors[k]} * residuals[k];
    return sum >> factor_bits;
  }

  /// Takes a whole slice of values in [-255, 255]. True if the estimates have changed.
  bool observe(std::span<const std::int32_t> slice);

  /// 2^24 / the deviation of a tap's residual.
  [[nodiscard]] std::int32_t inverse_deviation(std::size_t tap) const {
    return inverse_deviations_[tap];
  }

  /// Binary logarithms, in 1/256ths, of the deviation of a tap's residual and of the tap itself.
  [[nodiscard]] int log_deviation(std::size_t tap) const { return log_deviations_[tap]; }
  [[nodiscard]] int log_spread(std::size_t tap) const { return log_spreads_[tap]; }

 private:
  static constexpr int factor_bits = 14;

  void refresh();
  [[nodiscard]] std::vector<std::int64_t> moments() const;

  std::size_t taps_, width_;
  std::int64_t slices_ = 0;
  std::int64_t next_refresh_ = 0;
  std::vector<std::int64_t> sums_;     ///< Of products of taps; lower triangle.
  std::vector<std::int32_t> factors_;  ///< L, strictly lower triangle.
  std::vector<std::int32_t> inverse_deviations_;
  std::vector<int> log_deviations_, log_spreads_;
};

}  // namespace laconic
