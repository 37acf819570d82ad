// The running mean and variance of batch normalisation.

#pragma once

#include "laconic/network.h"
#include "train/gradients.h"

namespace laconic {

/// Throws Error(invalid_data) if two nodes share running statistics: they cannot follow both.
void check_running_statistics(const Network& network);

/// Combines the shards' statistics into those of the minibatch, and moves the running ones towards
/// them: by 1 - momentum of the node (ONNX's default 0.9), the variance unbiased.
void update_running_statistics(Network& network,
                               std::span<const std::vector<ShardStatistics>> shards);

}  // namespace laconic
