#include "entropy/slice_predictor.h"

#include <algorithm>

#include "entropy/logistic.h"

namespace laconic {
namespace {

/// Second moments are in units of 2^-16.
constexpr int moment_bits = 16;

/// What is believed before the first slice, and its weight in slices: each tap's variance, and a
/// correlation that falls with the distance of taps.
constexpr std::int64_t prior_slices = 6;
constexpr std::int64_t prior_variance = (3 << moment_bits) / 10;
constexpr std::int64_t prior_correlation_percent = 35;

/// Beyond this many slices the moments stand still; they are precise, and sums cannot overflow.
constexpr std::int64_t max_slices = 1 << 20;

std::int64_t square_root(std::int64_t x) {
  std::int64_t root = 0;
  for (std::int64_t bit = std::int64_t{1} << 30; bit > 0; bit /= 2) {
    if ((root + bit) * (root + bit) <= x) root += bit;
  }
  return root;
}

}  // namespace

SlicePredictor::SlicePredictor(std::size_t taps, std::size_t width)
    : taps_(taps),
      width_(width),
      sums_(taps * taps),
      factors_(taps * taps),
      inverse_deviations_(taps),
      log_deviations_(taps),
      log_spreads_(taps) {
  refresh();
}

bool SlicePredictor::observe(std::span<const std::int32_t> slice) {
  if (slices_ == max_slices) return false;
  ++slices_;
  for (std::size_t a = 0; a < taps_; ++a) {
    if (slice[a] == 0) continue;
    for (std::size_t b = 0; b <= a; ++b) {
      sums_[a * taps_ + b] += std::int64_t{slice[a]} * slice[b];
    }
  }
  if (slices_ < next_refresh_) return false;
  refresh();
  return true;
}

std::vector<std::int64_t> SlicePredictor::moments() const {
  const auto taps = static_cast<std::int64_t>(taps_);
  std::int64_t trace = 0;
  for (std::size_t a = 0; a < taps_; ++a) trace += sums_[a * taps_ + a];
  const std::int64_t variance =
      ((trace << moment_bits) + 2 * taps * prior_variance) / (taps * (slices_ + 2));

  std::vector<std::int64_t> by_distance(2 * taps_, variance);
  for (std::size_t d = 1; d < by_distance.size(); ++d) {
    by_distance[d] = by_distance[d - 1] * prior_correlation_percent / 100;
  }
  const auto distance = [](std::size_t a, std::size_t b) { return a < b ? b - a : a - b; };
  std::vector<std::int64_t> out(taps_ * taps_);
  for (std::size_t a = 0; a < taps_; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      const auto d = distance(a % width_, b % width_) + distance(a / width_, b / width_);
      out[a * taps_ + b] = ((sums_[a * taps_ + b] << moment_bits) + prior_slices * by_distance[d]) /
                           (slices_ + prior_slices);
    }
  }
  return out;
}

void SlicePredictor::refresh() {
  next_refresh_ = std::max(slices_ + 1, slices_ * 9 / 8);
  constexpr std::int64_t largest_factor = std::int64_t{2} << factor_bits;
  const auto moment = moments();
  std::vector<std::int64_t> remaining(taps_);  // D
  for (std::size_t i = 0; i < taps_; ++i) {
    const std::int32_t* row = &factors_[i * taps_];
    for (std::size_t j = 0; j <= i; ++j) {
      std::int64_t sum = moment[i * taps_ + j];
      for (std::size_t k = 0; k < j; ++k) {
        const auto product = (std::int64_t{row[k]} * factors_[j * taps_ + k]) >> factor_bits;
        sum -= (product * remaining[k]) >> factor_bits;
      }
      if (j < i) {
        factors_[i * taps_ + j] = static_cast<std::int32_t>(
            std::clamp(sum * (std::int64_t{1} << factor_bits) / remaining[j], -largest_factor,
                       largest_factor));
      } else {
        remaining[i] = std::max({sum, moment[i * taps_ + i] / 64, std::int64_t{16}});
      }
    }
    const auto spread = std::max(moment[i * taps_ + i], std::int64_t{16});
    log_spreads_[i] = logistic::log2(static_cast<std::uint64_t>(spread)) / 2 - 128 * moment_bits;
    log_deviations_[i] =
        logistic::log2(static_cast<std::uint64_t>(remaining[i])) / 2 - 128 * moment_bits;
    // The root of a moment is a deviation in 1/256ths.
    inverse_deviations_[i] = static_cast<std::int32_t>((1 << 24) / square_root(remaining[i]));
  }
}

}  // namespace laconic
