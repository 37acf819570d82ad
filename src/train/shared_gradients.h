// Shards that several processes run: their gradients' sum is that of one process, to the bit.
//
// Each process sums one stretch of all gradients, laid end to end: it is sent that stretch of every
// shard, and adds them in the order of shards, as one process would; then all gather the stretches.
// With a shard for each process that moves as many bytes as an ordinary all-reduce does.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/processes/processes.h"
#include "train/shard.h"

namespace laconic {

/// Consecutive shards of a minibatch that are run at a time: so many by each process, in the order
/// of ranks, the last ones fewer or none.
struct Round {
  std::int64_t first = 0, count = 0, per_process = 0;

  /// Shards of a rank, counted from the minibatch's first.
  [[nodiscard]] ProcessShare of(int rank) const noexcept;
};

class SharedGradients {
 public:
  /// `parameters` are the trained ones, defined and on one device; their sizes are kept.
  SharedGradients(Processes& group, std::span<const at::Tensor> parameters);

  /// Begins a minibatch: the sum is zero.
  void reset();

  /// Adds a round's shards. Takes those that this process ran, whose gradients it frees, and
  /// returns those of all in order, without gradients; statistics are of nodes of `graph`.
  [[nodiscard]] std::vector<Shard> add(const Round& round, std::vector<Shard> mine,
                                       const Graph& graph);

  /// Puts the sum into the gradients of the parameters.
  void put_into(std::span<at::Tensor> gradients);

 private:
  /// Lays gradients end to end, a row for each process's stretch.
  void lay_out(const std::vector<at::Tensor>& gradients, at::Tensor rows) const;

  Processes& group_;
  std::vector<std::int64_t> sizes_;  ///< Elements by parameter.
  std::int64_t stretch_ = 0;         ///< Elements that a process sums.
  at::Tensor flat_;                  ///< All gradients of one shard, padded to whole stretches.
  at::Tensor sum_;                   ///< Of this process's stretch.
};

}  // namespace laconic
