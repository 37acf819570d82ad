#include "entropy/neighbourhood.h"

namespace laconic {
namespace {

/// A relative residual is expected to be 3/4 deviations.
constexpr std::uint64_t usual_residual = 192;
constexpr std::uint64_t channel_prior = 4;
constexpr std::uint64_t slice_prior = 2;

}  // namespace

Walk::Walk(const Shape& shape) {
  if (shape.size() == 1) inputs = static_cast<std::size_t>(shape[0]);
  if (shape.size() < 2) return;
  outputs = static_cast<std::size_t>(shape[0]);
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
    : walk_(walk),
      predictor_(walk.taps, walk.width),
      taps_(walk.taps),
      column_sums_(walk.inputs, channel_prior * usual_residual) {
  for (std::size_t i = 0; i < taps_.size(); ++i) {
    // Without a kernel, the left neighbour is the slice before.
    const bool has_left = walk.taps == 1 || i % walk.width > 0;
    const bool has_above = i >= walk.width;
    Tap& tap = taps_[i];
    tap.left = static_cast<std::uint32_t>(!has_left ? 0 : walk.taps == 1 ? 1 : i);
    tap.above = static_cast<std::uint32_t>(has_above ? i + 1 - walk.width : 0);
    tap.border = (has_left + 2 * has_above) * adjacent_pairs;
  }
  refresh_taps();
}

void Neighbourhood::begin_outputs() {
  column_count_ += column_count_ == 0 ? channel_prior : lanes * walk_.taps;
  for (Lane& lane : lanes_) {
    lane.sum = channel_prior * usual_residual;
    lane.count = channel_prior;
    lane.slice_sum = slice_prior * usual_residual;
    lane.input = lane.tap = 0;
    lane.adjacent.fill(max_adjacent);
  }
}

void Neighbourhood::end_slice(Lane& lane) {
  if (predictor_.observe(std::span(lane.values).first(walk_.taps))) refresh_taps();
  lane.slice_sum = slice_prior * usual_residual;
  lane.tap = 0;
  ++lane.input;
}

void Neighbourhood::refresh_taps() {
  // Residuals are in 1/256ths, which adds 8 octaves to a logarithm; what is usual adds nothing.
  constexpr int usual = logistic::log2(usual_residual);
  for (std::size_t i = 0; i < taps_.size(); ++i) {
    const int slice = logistic::log2(i + slice_prior) + usual;
    taps_[i].scale = predictor_.log_deviation(i) - (26 * usual + 4 * slice) / 16 + usual - 8 * 256;
    taps_[i].spread = predictor_.log_spread(i) - (26 * usual + 8 * slice) / 16 - 82;
  }
}

}  // namespace laconic
