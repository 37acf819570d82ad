#include "entropy/neighbourhood.h"

#include <algorithm>
#include <cstdlib>

#include "entropy/logistic.h"

namespace laconic {
namespace {

/// A relative residual is expected to be 3/4 deviations, and sums of few are drawn to that: as if
/// this many more had been seen.
constexpr std::uint64_t usual_residual = 192;
constexpr std::uint64_t channel_prior = 4;
constexpr std::uint64_t slice_prior = 2;

constexpr int log_usual = logistic::log2(usual_residual);

/// log2 of how much larger residuals are than usual.
int log_excess(std::uint64_t sum, std::uint64_t count, std::uint64_t prior) {
  return logistic::log2(sum + prior * usual_residual) - logistic::log2(count + prior) - log_usual;
}

std::uint32_t scale_class(int log_scale) {
  constexpr int lowest = -17;
  const int quarter = (4 * log_scale + 128) >> 8;
  return static_cast<std::uint32_t>(
      std::clamp(quarter - lowest, 0, static_cast<int>(Neighbourhood::scales) - 1));
}

std::uint32_t expectation_class(std::int64_t magnitude) {
  constexpr std::array<std::int64_t, 7> bounds{15, 38, 77, 128, 205, 307, 512};
  std::uint32_t number = 0;
  for (const auto bound : bounds) number += magnitude >= bound;
  return number;
}

}  // namespace

Walk::Walk(const Shape& shape) {
  if (shape.size() == 1) inputs = static_cast<std::size_t>(shape[0]);
  if (shape.size() < 2) return;
  inputs = static_cast<std::size_t>(shape[1]);
  if (shape.size() == 2) return;
  for (std::size_t i = 2; i < shape.size(); ++i) taps *= static_cast<std::size_t>(shape[i]);
  width = static_cast<std::size_t>(shape.back());
  if (taps <= SlicePredictor::max_taps) return;
  // Too large to be predicted whole: row by row, or not at all.
  inputs *= taps;
  taps = width <= SlicePredictor::max_taps ? width : 1;
  width = taps;
  inputs /= taps;
}

Neighbourhood::Neighbourhood(const Walk& walk)
    : walk_(walk), predictor_(walk.taps, walk.width), column_sums_(walk.inputs) {}

Contexts::One Neighbourhood::adjacent() const {
  const bool has_left = walk_.taps == 1 ? input_ > 0 : tap_ % walk_.width > 0;
  const bool has_above = tap_ >= walk_.width;
  int left = has_left ? values_[walk_.taps == 1 ? 0 : tap_ - 1] : 0;
  int above = has_above ? values_[tap_ - walk_.width] : 0;
  const bool mirrored = left < 0 || (left == 0 && above < 0);
  if (mirrored) {
    left = -left;
    above = -above;
  }
  left = std::min(left, max_adjacent);
  above = std::clamp(above, -max_adjacent, max_adjacent);
  const int number =
      (has_left + 2 * has_above) * 49 + (left + max_adjacent) * 7 + above + max_adjacent;
  return {static_cast<std::uint32_t>(number), mirrored};
}

Contexts Neighbourhood::contexts() {
  if (tap_ == 0 && count_ >= next_mean_) {
    next_mean_ = count_ + count_ / 8 + 1;
    mean_ = (256 * magnitude_ + 128) / (count_ + 1);
    log_mean_ = logistic::log2(mean_ + 1);
  }
  expected_ = predictor_.predict(tap_);
  const int row = log_excess(row_sum_, input_ * walk_.taps + tap_, channel_prior);
  const int column = log_excess(column_sums_[input_], output_ * walk_.taps + tap_, channel_prior);
  const int slice = log_excess(slice_sum_, tap_, slice_prior);
  const int channels = 13 * (row + column);
  const int scale =
      predictor_.log_deviation(tap_) + ((channels + 4 * slice) >> 4) + log_usual - 2048;
  const int nearby =
      logistic::log2(256 * slice_magnitude_ + 2 * mean_ + 1) - logistic::log2(tap_ + 2) - log_mean_;
  const int spread = predictor_.log_spread(tap_) + (channels >> 4) + nearby / 2 - 82;
  return {{expectation_class(std::abs(expected_)) * scales + scale_class(scale), expected_ < 0},
          adjacent(),
          {scale_class(spread), false}};
}

void Neighbourhood::observe(int value) {
  const int clamped = std::clamp(value, -255, 255);
  const auto magnitude = static_cast<std::uint64_t>(std::abs(clamped));
  const std::uint64_t residual = predictor_.observe(tap_, clamped, expected_);
  values_[tap_] = clamped;
  row_sum_ += residual;
  column_sums_[input_] += residual;
  slice_sum_ += residual;
  slice_magnitude_ += magnitude;
  magnitude_ += magnitude;
  ++count_;
  if (++tap_ < walk_.taps) return;
  tap_ = 0;
  slice_sum_ = slice_magnitude_ = 0;
  if (++input_ < walk_.inputs) return;
  input_ = 0;
  row_sum_ = 0;
  ++output_;
}

}  // namespace laconic
