// Winning accuracy back: a few epochs of training on the quantized network, at coarser and coarser
// steps.

#pragma once

#include "train/checkpoint.h"
#include "train/compress/joined_parts.h"
#include "train/compress/workshop.h"

namespace laconic {

/// Trains for the epochs that the options allow, an epoch at a time, taught by the float network.
class Tuning {
 public:
  /// Begins somewhat coarser than `step`, that of the best file without training.
  Tuning(const Workshop& workshop, double step);

  /// Goes on where capture() was called. Throws Error(corrupt_data).
  Tuning(const Workshop& workshop, const Checkpoint& checkpoint);

  /// Whether capture() was called on the checkpoint.
  [[nodiscard]] static bool is_in(const Checkpoint& checkpoint);

  [[nodiscard]] bool is_done() const noexcept;

  /// The evaluated file after one more epoch. With a folder in the options an epoch that was broken
  /// off goes on where it was.
  [[nodiscard]] Candidate train_epoch();

  /// Settles the next epoch's step by how much of the budget the last file used, below 1 fits. Of
  /// accuracy: the less, the coarser; of bytes: the less, the finer.
  void adapt(double used);

  /// Between epochs.
  void capture(Checkpoint& checkpoint) const;

 private:
  [[nodiscard]] const Dataset& samples() const noexcept;

  const Workshop& workshop_;
  JoinedParts all_;
  Network student_;
  std::int64_t epoch_ = 0;
  double step_;
  QuantizedModel model_;
};

}  // namespace laconic
