// The gradient of a minibatch, shard by shard: see laconic/train.h.

#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "laconic/detection_data.h"
#include "laconic/train.h"
#include "train/loss.h"
#include "train/shared_gradients.h"

namespace laconic {

struct MinibatchResult {
  double loss = 0;         ///< Summed over labels.
  std::int64_t right = 0;  ///< Labels for which the largest output is theirs.
  std::vector<std::vector<ShardStatistics>> statistics;  ///< By shard, then by node.
};

/// Random streams of one step.
struct StepSeeds {
  std::uint64_t augmentation = 0;
  std::uint64_t dropout = 0;
};

class Gradients {
 public:
  /// Keeps references to all three. Collective, as compute() is: see Processes.
  Gradients(Network& network, const Dataset& data, const TrainOptions& options);

  /// Names of the parameters that are trained, in the network's order.
  [[nodiscard]] const std::vector<std::string>& trained() const noexcept { return trained_; }

  /// Leaves the gradient of the mean loss in grad() of each trained parameter.
  MinibatchResult compute(std::span<const std::int64_t> indices, const StepSeeds& seeds);

 private:
  /// How many samples a shard has, and how many shards a process runs at a time.
  [[nodiscard]] std::size_t shard_size(std::size_t minibatch) const;
  [[nodiscard]] std::int64_t shards_at_once(std::int64_t count) const;
  void zero_gradients();
  [[nodiscard]] Shard run_shard(std::span<const std::int64_t> indices, std::int64_t number,
                                std::size_t minibatch, const StepSeeds& seeds) const;
  [[nodiscard]] at::Tensor answers(const Network& network, const at::Tensor& samples,
                                   const RunOptions& run) const;

  /// The loss summed over a shard's samples. The first counts right answers, too: of mixtures,
  /// those that are the teacher's. It makes them of the first samples, where they lie.
  [[nodiscard]] at::Tensor class_loss(at::Tensor samples, const at::Tensor& labels,
                                      const RunOptions& run, std::int64_t& right) const;
  [[nodiscard]] at::Tensor detection_loss(const at::Tensor& samples,
                                          std::span<const std::int64_t> indices,
                                          const RunOptions& run, std::uint64_t seed) const;
  void add(std::span<const Shard> shards);
  void put_shared_sum();

  Network& network_;
  const Dataset& data_;
  const TrainOptions& options_;
  const DetectionDataset* detection_;  ///< Null for data of classes.
  std::optional<DetectorForm> form_;
  LossFunction loss_;
  std::vector<std::string> trained_;
  std::size_t shard_size_;                 ///< On a CPU,
  bool on_cpu_ = true;                     ///< where all parameters are.
  std::int64_t threads_;                   ///< The most that any of the processes has.
  std::optional<SharedGradients> shared_;  ///< With other processes only.
};

}  // namespace laconic
