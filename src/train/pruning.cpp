#include "train/pruning.h"

#include <torch/types.h>

#include <algorithm>

#include "laconic/error.h"

namespace laconic {
namespace {

/// Of gradual pruning: enough that each takes little.
constexpr std::int64_t rounds = 50;

}  // namespace

PruneInTraining::PruneInTraining(Network& network, const Pruning& pruning,
                                 const ImportanceMap& importance, std::int64_t steps,
                                 std::int64_t total)
    : network_(network), pruning_(pruning), total_(total) {
  const bool weighs = pruning.options.score == PruneScore::importance;
  for (const auto& info : network.parameters()) {
    const at::Tensor weights = network.parameter(info.name).detach();
    if (info.role != Role::weight || weights.dim() < 2) continue;
    const auto found = importance.find(info.name);
    const std::span<const float> own =
        weighs && found != importance.end() ? found->second : std::span<const float>();
    if (weighs && static_cast<std::int64_t>(own.size()) != weights.numel()) {
      fail(ErrorCode::invalid_argument,
           "pruner importance needs an importance of each weight, but \"{}\" has {} for {} weights",
           info.name, own.size(), weights.numel());
    }
    slots_.push_back({info.name, own, weights == 0});
  }
  if (slots_.empty()) {
    fail(ErrorCode::invalid_argument, "the network has no weight matrix to prune");
  }
  if (steps > 0) round_ = rounds_by(steps);
  apply(steps);
}

std::int64_t PruneInTraining::rounds_by(std::int64_t steps) const {
  const double last = pruning_.until * static_cast<double>(total_);
  const double share = last > 0 ? std::min(1.0, static_cast<double>(steps) / last) : 1;
  return static_cast<std::int64_t>(share * rounds);
}

void PruneInTraining::apply(std::int64_t steps) {
  const at::NoGradGuard no_gradients;
  if (const auto round = rounds_by(steps); round > round_) {
    round_ = round;
    prune_to(gradual_keep(pruning_.options.keep, round, rounds));
  }
  for (const auto& slot : slots_) {
    network_.parameter(slot.name).detach().masked_fill_(slot.dropped, 0);
  }
}

void PruneInTraining::prune_to(double keep) {
  std::vector<at::Tensor> weights;
  std::vector<WeightsView> views;
  for (const auto& slot : slots_) {
    const auto& all = weights.emplace_back(
        network_.parameter(slot.name).detach().masked_fill(slot.dropped, 0).cpu().contiguous());
    views.push_back({all.sizes().vec(),
                     {all.data_ptr<float>(), static_cast<std::size_t>(all.numel())},
                     slot.importance});
  }
  auto options = pruning_.options;
  options.keep = keep;
  auto masks = prune(views, options);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto& dropped = slots_[i].dropped;
    const auto kept = at::from_blob(masks[i].data(), dropped.sizes(), at::kByte);
    dropped.logical_or_((kept == 0).to(dropped.device()));
  }
}

}  // namespace laconic
