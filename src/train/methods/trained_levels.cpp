#include "train/methods/trained_levels.h"

#include <algorithm>
#include <cmath>

#include "laconic/error.h"
#include "train/methods/quantized_state.h"

namespace laconic {
namespace {

constexpr double mean_memory = 0.9, square_memory = 0.999, floor = 1e-8;  ///< Adam's.
constexpr std::size_t fields = 3;                                         ///< Of a level.

std::size_t block_of(const QuantizedTensor& tensor, std::size_t weight) {
  return weight / static_cast<std::size_t>(tensor.block_size);
}

float mixed(float before, double now, double memory) {
  return static_cast<float>(memory * static_cast<double>(before) + (1 - memory) * now);
}

}  // namespace

void TrainedLevels::apply(QuantizedTensor& tensor) {
  if (blocks_.empty()) {
    for (const auto& codebook : tensor.codebooks) {
      auto& block = blocks_.emplace_back();
      for (const float level : codebook.levels()) block.push_back({.value = level});
    }
    return;
  }
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    if (blocks_[b].size() != tensor.codebooks[b].size()) continue;
    std::vector<float> levels;
    for (const auto& level : blocks_[b]) levels.push_back(level.value);
    tensor.codebooks[b] = Codebook(std::move(levels));
  }
}

void TrainedLevels::step(const QuantizedTensor& tensor, std::span<const float> gradient,
                         double rate) {
  std::vector<std::vector<double>> sums;
  for (const auto& codebook : tensor.codebooks) sums.emplace_back(codebook.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    sums[block_of(tensor, i)][tensor.indices[i]] += static_cast<double>(gradient[i]);
  }
  ++steps_;
  const double mean_bias = 1 - std::pow(mean_memory, static_cast<double>(steps_));
  const double square_bias = 1 - std::pow(square_memory, static_cast<double>(steps_));
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    auto moved = blocks_[b];
    if (moved.size() != sums[b].size()) continue;
    for (std::size_t k = 0; k < moved.size(); ++k) {
      auto& level = moved[k];
      if (level.value == 0) continue;
      const double sum = sums[b][k];
      level.mean = mixed(level.mean, sum, mean_memory);
      level.square = mixed(level.square, sum * sum, square_memory);
      const double change = rate * (static_cast<double>(level.mean) / mean_bias) /
                            (std::sqrt(static_cast<double>(level.square) / square_bias) + floor);
      const auto next = static_cast<float>(static_cast<double>(level.value) - change);
      // A level neither becomes zero nor crosses it.
      if (std::isfinite(next) && next != 0 && (next > 0) == (level.value > 0)) level.value = next;
    }
    const bool ascending = std::ranges::is_sorted(
        moved, [](const Level& a, const Level& c) { return a.value <= c.value; });
    if (ascending) blocks_[b] = std::move(moved);
  }
}

void TrainedLevels::scale(const QuantizedTensor& tensor, std::span<float> gradient) {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const float level = tensor.codebooks[block_of(tensor, i)].levels()[tensor.indices[i]];
    if (level != 0) gradient[i] *= std::abs(level);
  }
}

void TrainedLevels::keep(const std::string& name, MethodState& state) const {
  const auto steps = split_count(steps_);
  std::vector<float> values(steps.begin(), steps.end()), counts;
  for (const auto& block : blocks_) {
    counts.push_back(static_cast<float>(block.size()));
    for (const auto& level : block) {
      values.insert(values.end(), {level.value, level.mean, level.square});
    }
  }
  state["trained/" + name] = {{static_cast<std::int64_t>(values.size())}, std::move(values)};
  state["counts/" + name] = {{static_cast<std::int64_t>(counts.size())}, std::move(counts)};
}

void TrainedLevels::take_up(const MethodState& state, const std::string& name) {
  const auto values = state.find("trained/" + name), counts = state.find("counts/" + name);
  const auto malformed = [&] {
    fail(ErrorCode::corrupt_data, "the checkpoint does not fit the run: trained levels of \"{}\"",
         name);
  };
  if (values == state.end() || counts == state.end()) malformed();
  const auto& all = values->second.values;
  if (all.size() < 2 || !std::ranges::all_of(all, [](float x) { return std::isfinite(x); }))
    malformed();
  const auto steps = joined_count(all[0], all[1]);
  if (!steps) malformed();
  std::size_t next = 2;
  std::vector<std::vector<Level>> blocks;
  for (const float count : counts->second.values) {
    if (!(count >= 0 && count * fields <= static_cast<float>(all.size() - next)) ||
        std::trunc(count) != count)
      malformed();
    auto& block = blocks.emplace_back(static_cast<std::size_t>(count));
    for (auto& level : block) {
      level = {all[next], all[next + 1], all[next + 2]};
      next += fields;
    }
    if (!std::ranges::is_sorted(block, std::less_equal<>(), &Level::value)) malformed();
  }
  if (next != all.size() || blocks.size() != blocks_.size()) malformed();
  blocks_ = std::move(blocks);
  steps_ = *steps;
}

}  // namespace laconic
