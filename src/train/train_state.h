// How far a training run has come, and its way into a checkpoint and back.

#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "laconic/optimizer.h"
#include "laconic/train.h"
#include "train/checkpoint.h"
#include "train/identity.h"

namespace laconic {

struct TrainState {
  std::int64_t step = 0;  ///< Steps done.
  std::vector<EpochReport> epochs;
  double loss = 0;  ///< Summed over the labels of the epoch so far,
  std::int64_t right = 0;
  std::int64_t labels = 0;  ///< of which there are so many.
};

[[nodiscard]] DenseTensor to_dense(const at::Tensor& tensor);

/// A checkpoint without identity.
[[nodiscard]] Checkpoint capture_state(const TrainState& state, const Network& network,
                                       const Optimizer& optimizer, const Method* method);

/// Puts parameters, optimizer and method where the checkpoint has them. Throws Error(corrupt_data)
/// if it does not fit them.
[[nodiscard]] TrainState restore_state(const Checkpoint& checkpoint, Network& network,
                                       Optimizer& optimizer, Method* method);

/// When and where checkpoints of a run are written: soon after the start, then at intervals that
/// grow to a minute and keep the time that writing takes below a twentieth.
class CheckpointStore {
 public:
  CheckpointStore(const TrainOptions& options, Identity identity);

  /// Empty if none are to be written.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Makes the folder; the checkpoint to go on from, if that was asked for and there is one.
  [[nodiscard]] std::optional<Checkpoint> open();

  [[nodiscard]] bool due() const;
  void write(Checkpoint checkpoint);

 private:
  using Clock = std::chrono::steady_clock;
  std::filesystem::path path_;
  Existing existing_;
  Identity identity_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace laconic
