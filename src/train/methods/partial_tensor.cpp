#include "train/methods/partial_tensor.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "laconic/error.h"

namespace laconic {
namespace {

std::int64_t block_size_of(const PlannedTensor& tensor) {
  const auto count = element_count(tensor.shape);
  const auto& granularity = tensor.row->granularity;
  switch (granularity.kind) {
    case Granularity::Kind::per_tensor:
      return count;
    case Granularity::Kind::per_channel:
      return tensor.shape.empty() ? count : count / tensor.shape[0];
    case Granularity::Kind::per_group:
      return granularity.group_size;
    case Granularity::Kind::joint:
      break;
  }
  fail(ErrorCode::invalid_argument,
       "tensor \"{}\" is planned with granularity joint, but method \"incremental\" freezes "
       "tensors one by one: it takes tensor, channel or group:SIZE",
       tensor.name);
}

/// Positions of the levels in the order of SLQ's clusters: a pinned zero, then falling magnitude.
std::vector<std::size_t> by_rank(std::span<const float> levels, bool zero_first) {
  std::vector<std::size_t> order(levels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t k) {
    return zero_first && levels[k] == 0 ? std::numeric_limits<float>::infinity()
                                        : std::abs(levels[k]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
  return order;
}

/// Of a codebook, or of a block that has none yet.
bool are_levels(std::span<const float> levels) {
  const auto is_finite = [](float level) { return std::isfinite(level); };
  return std::ranges::all_of(levels, is_finite) &&
         std::ranges::adjacent_find(levels, std::greater_equal<>()) == levels.end();
}

/// How many of `count` a share is; all of them at 1, whatever the rounding.
std::size_t share_of(double share, std::size_t count) {
  return static_cast<std::size_t>(std::llround(share * static_cast<double>(count)));
}

}  // namespace

PartialTensor::PartialTensor(const PlannedTensor& planned, std::span<const float> importance)
    : planned_(planned), importance_(importance), block_size_(block_size_of(planned)) {
  const auto count = static_cast<std::size_t>(element_count(planned.shape));
  const auto step = static_cast<std::size_t>(block_size_);
  for (std::size_t first = 0; first < count; first += std::min(step, count - first)) {
    blocks_.push_back({first, std::min(step, count - first), {}});
  }
  indices_.resize(count);
  frozen_.resize(count);
}

double PartialTensor::importance(std::size_t i) const {
  return importance_.empty() ? 1.0 : static_cast<double>(importance_[i]);
}

double PartialTensor::error(const Block& block, std::size_t i, float weight) const {
  return static_cast<double>(weight) - static_cast<double>(block.levels[indices_[i]]);
}

std::size_t PartialTensor::ranks() const {
  std::size_t most = 0;
  for (const auto& block : blocks_) most = std::max(most, block.levels.size());
  return most;
}

std::size_t PartialTensor::frozen_count() const {
  return static_cast<std::size_t>(std::count(frozen_.begin(), frozen_.end(), char{1}));
}

void PartialTensor::fit(std::span<const float> weights, const ShareRule& rule) {
  for (auto& block : blocks_) fit_block(block, weights, rule);
}

void PartialTensor::fit_block(Block& block, std::span<const float> weights, const ShareRule& rule) {
  const bool keeps_zeros = planned_.row->zeros == Zeros::keep;
  const bool refit = rule.levels == LevelPolicy::refit;
  const bool first = block.levels.empty();
  // What takes part in the fit, and the levels that must be there.
  std::vector<std::size_t> places;
  std::vector<float> pinned;
  if (keeps_zeros || rule.pin_zero) pinned.push_back(0);
  for (std::size_t i = block.first; i < block.first + block.count; ++i) {
    const bool kept_zero = keeps_zeros && weights[i] == 0 && (first || frozen_[i] != 0);
    const bool stays = frozen_[i] != 0 && !refit;
    if (!kept_zero && !stays) places.push_back(i);
    if (stays) pinned.push_back(block.levels[indices_[i]]);
  }
  std::sort(pinned.begin(), pinned.end());
  pinned.erase(std::unique(pinned.begin(), pinned.end()), pinned.end());

  std::vector<float> values, importances;
  for (const auto i : places) {
    values.push_back(weights[i]);
    if (!importance_.empty()) importances.push_back(importance_[i]);
  }
  if (rule.levels == LevelPolicy::fixed && !first) {
    const Codebook codebook(block.levels);
    for (const auto i : places) indices_[i] = codebook.nearest(weights[i]);
    return;
  }
  if (places.empty()) {
    if (first) set_codebook(block, pinned.empty() ? std::vector<float>{0} : pinned);
    return;
  }
  auto code =
      planned_.quantizer->quantize_block(values, importances, {.start = nullptr, .pinned = pinned});
  const auto levels = code.codebook.levels();
  set_codebook(block, {levels.begin(), levels.end()});
  for (std::size_t n = 0; n < places.size(); ++n) indices_[places[n]] = code.indices[n];
  if (!keeps_zeros || !first) return;
  for (std::size_t i = block.first; i < block.first + block.count; ++i) {
    if (weights[i] != 0) continue;
    indices_[i] = static_cast<Index>(code.codebook.zero_index());
    frozen_[i] = 1;
  }
}

/// Frozen weights keep their values: their indices follow.
void PartialTensor::set_codebook(Block& block, std::vector<float> levels) {
  const Codebook codebook(levels);
  for (std::size_t i = block.first; i < block.first + block.count; ++i) {
    if (frozen_[i] != 0) indices_[i] = codebook.nearest(block.levels[indices_[i]]);
  }
  block.levels = std::move(levels);
}

std::vector<float> PartialTensor::with_rank_replaced(std::span<const float> weights,
                                                     std::size_t rank,
                                                     const ShareRule& rule) const {
  std::vector<float> values(weights.begin(), weights.end());
  for (const auto& block : blocks_) {
    if (rank >= block.levels.size()) continue;
    const auto level = by_rank(block.levels, rule.pin_zero)[rank];
    for (std::size_t i = block.first; i < block.first + block.count; ++i) {
      if (indices_[i] == level) values[i] = block.levels[level];
    }
  }
  return values;
}

void PartialTensor::freeze(std::span<const float> weights, double share, const ShareRule& rule,
                           std::span<const double> losses) {
  for (const auto& block : blocks_) {
    if (rule.by_level) {
      freeze_levels(block, weights, share, rule, losses);
    } else {
      freeze_weights(block, weights, share, rule);
    }
  }
}

void PartialTensor::freeze_weights(const Block& block, std::span<const float> weights, double share,
                                   const ShareRule& rule) {
  std::vector<std::pair<double, std::size_t>> free;
  for (std::size_t i = block.first; i < block.first + block.count; ++i) {
    if (frozen_[i] != 0) continue;
    const double distance = std::abs(error(block, i, weights[i]));
    const double score = rule.criterion == Criterion::magnitude ? std::abs(weights[i])
                         : rule.criterion == Criterion::damage ? importance(i) * distance * distance
                                                               : distance;
    free.emplace_back(rule.large_first ? -score : score, i);
  }
  const auto wanted = share_of(share, block.count), have = block.count - free.size();
  if (wanted <= have) return;
  const auto middle = free.begin() + static_cast<std::ptrdiff_t>(wanted - have);
  std::nth_element(free.begin(), middle - 1, free.end());
  for (auto it = free.begin(); it != middle; ++it) frozen_[it->second] = 1;
}

void PartialTensor::freeze_levels(const Block& block, std::span<const float> weights, double share,
                                  const ShareRule& rule, std::span<const double> losses) {
  const auto count = block.levels.size();
  std::vector<char> chosen(count);
  std::vector<double> distances(count), damages(count), members(count);
  for (std::size_t i = block.first; i < block.first + block.count; ++i) {
    if (frozen_[i] != 0) chosen[indices_[i]] = 1;
    const double e = error(block, i, weights[i]);
    distances[indices_[i]] += std::abs(e);
    damages[indices_[i]] += importance(i) * e * e;
    ++members[indices_[i]];
  }
  auto order = by_rank(block.levels, rule.pin_zero);
  if (rule.criterion != Criterion::magnitude && share < 1) {
    std::vector<double> score(count);
    for (std::size_t rank = 0; rank < count; ++rank) {
      const auto k = order[rank];
      score[k] = rule.criterion == Criterion::damage     ? damages[k]
                 : rule.criterion == Criterion::distance ? distances[k] / std::max(members[k], 1.0)
                                                         : losses[rank];
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  }
  if (!rule.large_first) std::reverse(order.begin(), order.end());
  auto have = static_cast<std::size_t>(std::count(chosen.begin(), chosen.end(), char{1}));
  const auto wanted = share_of(share, count);
  for (const auto k : order) {
    if (have >= wanted) break;
    if (chosen[k] != 0) continue;
    chosen[k] = 1;
    ++have;
  }
  for (std::size_t i = block.first; i < block.first + block.count; ++i) {
    if (chosen[indices_[i]] != 0) frozen_[i] = 1;
  }
}

void PartialTensor::put_frozen_in(std::span<float> weights) const {
  for (const auto& block : blocks_) {
    for (std::size_t i = block.first; i < block.first + block.count; ++i) {
      if (frozen_[i] != 0) weights[i] = block.levels[indices_[i]];
    }
  }
}

double PartialTensor::damage(std::span<const float> weights) const {
  double sum = 0;
  for (const auto& block : blocks_) {
    for (std::size_t i = block.first; i < block.first + block.count; ++i) {
      const double e = error(block, i, weights[i]);
      sum += importance(i) * e * e;
    }
  }
  return sum / 2;
}

QuantizedTensor PartialTensor::quantized() const {
  QuantizedTensor tensor{planned_.shape, block_size_, {}, indices_};
  for (const auto& block : blocks_) tensor.codebooks.emplace_back(block.levels);
  return tensor;
}

void PartialTensor::save(MethodState& state) const {
  DenseTensor places{planned_.shape, std::vector<float>(indices_.size())};
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    if (frozen_[i] != 0) places.values[i] = static_cast<float>(indices_[i]) + 1;
  }
  DenseTensor counts{{static_cast<std::int64_t>(blocks_.size())}, {}}, levels;
  for (const auto& block : blocks_) {
    counts.values.push_back(static_cast<float>(block.levels.size()));
    levels.values.insert(levels.values.end(), block.levels.begin(), block.levels.end());
  }
  levels.shape = {static_cast<std::int64_t>(levels.values.size())};
  state.insert_or_assign(name() + "/frozen", std::move(places));
  state.insert_or_assign(name() + "/counts", std::move(counts));
  state.insert_or_assign(name() + "/levels", std::move(levels));
}

void PartialTensor::restore(const MethodState& state) {
  const auto part = [&](std::string_view what) -> const DenseTensor& {
    const auto found = state.find(fmt::format("{}/{}", name(), what));
    if (found != state.end()) return found->second;
    fail(ErrorCode::corrupt_data, "the checkpoint does not say what is frozen of \"{}\"", name());
  };
  const auto &places = part("frozen").values, &counts = part("counts").values,
             &levels = part("levels").values;
  const auto require = [&](bool fits) {
    if (fits) return;
    fail(ErrorCode::corrupt_data, "the checkpoint's levels do not fit \"{}\"", name());
  };
  require(places.size() == indices_.size() && counts.size() == blocks_.size());
  std::size_t next = 0;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    auto& block = blocks_[b];
    const auto left = static_cast<float>(levels.size() - next);
    require(counts[b] >= 0 && counts[b] <= left);
    const auto count = static_cast<std::size_t>(counts[b]);
    const auto begin = levels.begin() + static_cast<std::ptrdiff_t>(next);
    block.levels.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    next += count;
    require(are_levels(block.levels));
    for (std::size_t i = block.first; i < block.first + block.count; ++i) {
      require(places[i] >= 0 && places[i] <= static_cast<float>(count) &&
              places[i] == std::trunc(places[i]));
      frozen_[i] = places[i] > 0 ? 1 : 0;
      indices_[i] = places[i] > 0 ? static_cast<Index>(places[i] - 1) : Index{0};
    }
  }
}

}  // namespace laconic
