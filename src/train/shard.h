// A part of a minibatch that runs forward and backward by itself: see laconic/train.h.

#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "laconic/graph.h"

namespace laconic {

/// Statistics of one BatchNormalization node over a shard.
struct ShardStatistics {
  const Node* node = nullptr;
  at::Tensor mean;
  at::Tensor variance;  ///< Biased.
  std::int64_t count = 0;
};

struct Shard {
  double loss = 0;         ///< Summed over labels.
  std::int64_t right = 0;  ///< Labels for which the largest output is theirs.
  /// By trained parameter; undefined where the loss does not depend on it.
  std::vector<at::Tensor> gradients;
  std::vector<ShardStatistics> statistics;  ///< By node.
};

}  // namespace laconic
