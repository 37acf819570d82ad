// The allocator of DNQ: an agent that learns, by trial, how many bits each tensor gets.
//
// A bidirectional LSTM reads one description per tensor and gives each choice a probability.
// Episodes are drawn from these, rewarded, and the policy moves towards what earned more than
// usual: REINFORCE with a running baseline and an entropy bonus. Where `knapsack` needs damages
// that add up, an agent takes any reward: true accuracy, for instance.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "laconic/allocator.h"
#include "laconic/progress.h"

namespace laconic {

/// What the agent is told of a tensor, besides its choices' sizes and damages.
struct TensorDescription {
  std::vector<double> features;  ///< As many for every tensor; about -1 to 1.
};

/// How good a plan is: higher is better. Called once for each plan that the agent tries; must
/// answer alike for equal picks.
using PlanQuality = std::function<double(std::span<const std::size_t> picks)>;

struct PolicyReport {
  Allocation best;  ///< Of the plans tried that fit the budget, the one of the highest reward.
  double reward = 0;
  std::int64_t episodes = 0;     ///< Drawn,
  std::int64_t evaluations = 0;  ///< of which so many were new.
  double entropy = 0;            ///< At the end, in nats per tensor.
  bool stayed = false;           ///< No plan beat those of the first update.
};

/// A search with the options of an allocator "policy_gradient". `quality` empty: minus the damage,
/// relative to that of the smallest plan. `descriptions` empty: from the choices alone. Equal seeds
/// give equal picks for any number of threads. Throws as Allocator::allocate() does.
[[nodiscard]] PolicyReport search_by_policy(std::string_view spec,
                                            std::span<const TensorChoices> tensors,
                                            double budget_bits, const PlanQuality& quality = {},
                                            std::span<const TensorDescription> descriptions = {},
                                            const ProgressSink& progress = {});

/// All allocators of this build: those of allocators(), and "policy_gradient".
[[nodiscard]] std::span<const MemberInfo> all_allocators() noexcept;

/// Builds any of them from its spec.
[[nodiscard]] std::unique_ptr<Allocator> make_any_allocator(std::string_view spec);

}  // namespace laconic
