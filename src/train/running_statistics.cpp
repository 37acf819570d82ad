#include "train/running_statistics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "laconic/error.h"

namespace laconic {
namespace {

bool is_parameter(const Network& network, const std::string& name) {
  return std::ranges::any_of(network.parameters(), [&](const auto& p) { return p.name == name; });
}

void approach(at::Tensor& running, const at::Tensor& measured, double momentum) {
  running.detach().copy_(momentum * running.detach().to(at::kDouble) + (1 - momentum) * measured);
}

}  // namespace

void check_running_statistics(const Network& network) {
  std::set<std::string_view> seen;
  for (const Node& node : network.graph().nodes) {
    if (node.op != "BatchNormalization") continue;
    for (const std::size_t input : {3, 4}) {
      if (!seen.insert(node.inputs[input]).second) {
        fail(ErrorCode::invalid_data,
             "{} shares \"{}\" with another, so the network can be trained only with the running "
             "statistics left as they are",
             describe(node), node.inputs[input]);
      }
    }
  }
}

void update_running_statistics(Network& network,
                               std::span<const std::vector<ShardStatistics>> shards) {
  if (shards.empty()) return;
  const at::NoGradGuard no_gradients;
  for (std::size_t n = 0; n < shards[0].size(); ++n) {
    const Node& node = *shards[0][n].node;
    if (!is_parameter(network, node.inputs[3]) || !is_parameter(network, node.inputs[4])) continue;
    at::Tensor sum = at::zeros_like(shards[0][n].mean, at::kDouble);
    at::Tensor squares = at::zeros_like(sum);
    double count = 0;
    for (const auto& shard : shards) {
      const auto elements = static_cast<double>(shard[n].count);
      const auto mean = shard[n].mean.to(at::kDouble);
      sum += elements * mean;
      squares += elements * (shard[n].variance.to(at::kDouble) + mean * mean);
      count += elements;
    }
    const auto mean = sum / count;
    const auto variance = (squares / count - mean * mean).clamp_min(0);
    const double momentum = static_cast<double>(node.number("momentum", 0.9f));
    approach(network.parameter(node.inputs[3]), mean, momentum);
    approach(network.parameter(node.inputs[4]), variance * (count / std::max(count - 1, 1.0)),
             momentum);
  }
}

}  // namespace laconic
