// How far a training run has come, and its way into a checkpoint and back.

#pragma once

#include <vector>

#include "laconic/optimizer.h"
#include "laconic/train.h"
#include "train/checkpoint.h"

namespace laconic {

struct TrainState {
  std::int64_t step = 0;  ///< Steps done.
  std::vector<EpochReport> epochs;
  double loss = 0;  ///< Summed over the labels of the epoch so far,
  std::int64_t right = 0;
  std::int64_t labels = 0;  ///< of which there are so many.
};

[[nodiscard]] DenseTensor to_dense(const at::Tensor& tensor);

/// Puts all parameters into a checkpoint.
void capture_parameters(const Network& network, Checkpoint& checkpoint);

/// Puts them where the checkpoint has them. Throws Error(corrupt_data) naming the first that does
/// not fit.
void restore_parameters(const Checkpoint& checkpoint, Network& network);

/// A checkpoint without identity.
[[nodiscard]] Checkpoint capture_state(const TrainState& state, const Network& network,
                                       const Optimizer& optimizer, const Method* method);

/// Puts parameters, optimizer and method where the checkpoint has them. Throws Error(corrupt_data)
/// if it does not fit them.
[[nodiscard]] TrainState restore_state(const Checkpoint& checkpoint, Network& network,
                                       Optimizer& optimizer, Method* method);

}  // namespace laconic
