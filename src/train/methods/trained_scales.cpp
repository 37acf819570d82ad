#include "train/methods/trained_scales.h"

#include <algorithm>
#include <cmath>

#include "laconic/error.h"
#include "train/methods/quantized_state.h"

namespace laconic {
namespace {

constexpr double mean_memory = 0.9, square_memory = 0.999, floor = 1e-8;  ///< Adam's.
constexpr std::size_t fields = 3;                                         ///< Of a scale.

std::size_t block_of(const QuantizedTensor& tensor, std::size_t weight) {
  return weight / static_cast<std::size_t>(tensor.block_size);
}

float mixed(float before, double now, double memory) {
  return static_cast<float>(memory * static_cast<double>(before) + (1 - memory) * now);
}

}  // namespace

void TrainedScales::apply(QuantizedTensor& tensor) {
  blocks_.resize(tensor.codebooks.size());
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const auto fitted = tensor.codebooks[b].levels();
    std::array<float, 2> largest{};
    for (const float level : fitted) {
      auto& most = largest[place_of(level)];
      most = std::max(most, std::abs(level));
    }
    for (std::size_t sign = 0; sign < 2; ++sign) {
      auto& scale = blocks_[b][sign];
      if (scale.value == 0) scale.value = largest[sign];
    }
    std::vector<float> levels;
    for (const float level : fitted) {
      const auto sign = place_of(level);
      levels.push_back(level == 0 ? 0 : level / largest[sign] * blocks_[b][sign].value);
    }
    // Levels that a tiny scale makes one would be no codebook.
    if (std::ranges::adjacent_find(levels, std::greater_equal<>()) == levels.end())
      tensor.codebooks[b] = Codebook(std::move(levels));
  }
}

void TrainedScales::step(const QuantizedTensor& tensor, std::span<const float> gradient,
                         double rate) {
  std::vector<std::array<double, 2>> slopes(blocks_.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const auto block = block_of(tensor, i);
    const float level = tensor.codebooks[block].levels()[tensor.indices[i]];
    slopes[block][place_of(level)] += static_cast<double>(gradient[i]) * static_cast<double>(level);
  }
  ++steps_;
  const double mean_bias = 1 - std::pow(mean_memory, static_cast<double>(steps_));
  const double square_bias = 1 - std::pow(square_memory, static_cast<double>(steps_));
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    for (std::size_t sign = 0; sign < 2; ++sign) {
      auto& scale = blocks_[b][sign];
      if (scale.value == 0) continue;
      const double slope = slopes[b][sign] / static_cast<double>(scale.value);
      scale.mean = mixed(scale.mean, slope, mean_memory);
      scale.square = mixed(scale.square, slope * slope, square_memory);
      const double change = rate * (static_cast<double>(scale.mean) / mean_bias) /
                            (std::sqrt(static_cast<double>(scale.square) / square_bias) + floor);
      const auto next = static_cast<float>(static_cast<double>(scale.value) - change);
      if (std::isfinite(next) && next > 0) scale.value = next;
    }
  }
}

void TrainedScales::multiply(const QuantizedTensor& tensor, std::span<float> gradient) const {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const auto block = block_of(tensor, i);
    const float level = tensor.codebooks[block].levels()[tensor.indices[i]];
    if (level != 0) gradient[i] *= blocks_[block][place_of(level)].value;
  }
}

void TrainedScales::keep(const std::string& name, MethodState& state) const {
  const auto steps = split_count(steps_);
  std::vector<float> values(steps.begin(), steps.end());
  for (const auto& block : blocks_) {
    for (const auto& scale : block)
      values.insert(values.end(), {scale.value, scale.mean, scale.square});
  }
  state["scales/" + name] = {{static_cast<std::int64_t>(values.size())}, std::move(values)};
}

void TrainedScales::take_up(const MethodState& state, const std::string& name) {
  const auto malformed = [&] {
    fail(ErrorCode::corrupt_data, "the checkpoint does not fit the run: trained scales of \"{}\"",
         name);
  };
  const auto found = state.find("scales/" + name);
  if (found == state.end()) malformed();
  const auto& values = found->second.values;
  if (values.size() != 2 + 2 * fields * blocks_.size() ||
      !std::ranges::all_of(values, [](float value) { return std::isfinite(value); }))
    malformed();
  const auto steps = joined_count(values[0], values[1]);
  if (!steps) malformed();
  auto next = values.begin() + 2;
  for (auto& block : blocks_) {
    for (auto& scale : block) {
      scale = {next[0], next[1], next[2]};
      if (scale.value < 0 || scale.square < 0) malformed();
      next += fields;
    }
  }
  steps_ = *steps;
}

}  // namespace laconic
