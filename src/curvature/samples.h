// The walk over training samples that members share: which samples, cut into which batches, and
// results folded in batch order whatever the number of threads.

#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/network.h"
#include "laconic/progress.h"
#include "laconic/spec.h"

namespace laconic::curvature {

/// Some training samples, as tensors on the network's device.
struct Batch {
  std::int64_t number = 0;
  std::vector<std::int64_t> keys;  ///< Index of each sample in the training part: it names the
                                   ///< sample's random streams, so batching does not matter.
  at::Tensor x;                    ///< [samples, sample shape...]
  at::Tensor labels;               ///< [samples], int64

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(keys.size()); }

  /// Sample `i` alone.
  [[nodiscard]] Batch one(std::int64_t i) const;
};

/// A random choice of training samples without repetition, cut into batches that differ in size by
/// at most one. Refers to the network and the data set.
class Samples {
 public:
  /// Reads the options `samples` (0: all), `batch` and `seed`. Batches are single samples for a
  /// network that takes only one at a time. Throws Error(invalid_data) unless
  /// the network takes the data set's samples, and if there is no training sample.
  Samples(const Network& network, const Dataset& data, const Options& options);

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(order_.size()); }
  [[nodiscard]] std::int64_t batches() const { return batches_; }
  [[nodiscard]] const Shape& sample_shape() const { return data_.sample_shape(); }
  [[nodiscard]] at::Device device() const { return device_; }

  /// Batch `number` of 0 to batches() - 1. May be called from many threads at once.
  [[nodiscard]] Batch read(std::int64_t number) const;

 private:
  const Dataset& data_;
  at::Device device_;
  std::vector<std::int64_t> order_;
  std::int64_t batches_ = 0;
};

/// For members that know the losses of classes alone. Throws Error(invalid_argument) for data of
/// object detection, naming the member that takes them.
void require_classes(const Dataset& data, const Options& options);

/// What one batch adds, target by target.
struct BatchSums {
  std::vector<at::Tensor> sums;  ///< Of the target's shape: sums over the batch's samples.
  std::vector<at::Tensor>
      totals;  ///< One-dimensional: what each independent draw says of the sum
               ///< over the target for one sample; empty where nothing is drawn.
};

/// Calls work(batch) for all batches, in parallel, and fold(batch, its result) one after another in
/// batch order. At most as many results as there are threads wait for their turn.
void for_each_batch(const Samples& samples, const ProgressSink& progress,
                    const std::function<BatchSums(const Batch&)>& work,
                    const std::function<void(const Batch&, const BatchSums&)>& fold);

}  // namespace laconic::curvature
