// Pruning while a network trains: weights that are taken become zero and stay so.

#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "laconic/importance.h"
#include "laconic/network.h"
#include "laconic/prune.h"

namespace laconic {

/// Prunes the weights of at least two dimensions. A weight that is zero at the start counts as
/// pruned, so a checkpoint of the parameters alone continues a run, and a pruned network keeps its
/// zeros.
class PruneInTraining {
 public:
  /// Throws Error(invalid_argument) for a network without weight matrices, or an importance that
  /// does not fit or is missing where the pruner weighs by it. `steps` of `total` are done already.
  /// Network and importance must outlive the object.
  PruneInTraining(Network& network, const Pruning& pruning, const ImportanceMap& importance,
                  std::int64_t steps, std::int64_t total);

  /// Takes what is due once `steps` steps are done, and holds all that were taken at zero: to be
  /// called after every update.
  void apply(std::int64_t steps);

 private:
  struct Slot {
    std::string name;
    std::span<const float> importance;
    at::Tensor dropped;  ///< True where pruned.
  };

  /// Rounds that are due by then.
  [[nodiscard]] std::int64_t rounds_by(std::int64_t steps) const;
  void prune_to(double keep);

  Network& network_;
  Pruning pruning_;
  std::int64_t total_;
  std::vector<Slot> slots_;
  std::int64_t round_ = 0;  ///< Rounds done.
};

}  // namespace laconic
