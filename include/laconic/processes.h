// Several processes that train, evaluate or compress as one. Each takes its share of every
// minibatch and of every evaluation; what they find is joined in an order that does not depend on
// their number, so on CPUs any number of processes ends in the same bytes. No LibTorch.
//
// All start the same command. Each then makes the same calls in the same order, holds the whole
// network and the same data, and takes the same steps; the first (rank 0) alone writes files. The
// connection is neither encrypted nor authenticated: it belongs in a network that is trusted.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace laconic {

/// Where a process stands among those that work together, and where they meet.
struct ProcessPlace {
  int rank = 0;            ///< From 0, below size.
  int size = 1;            ///< How many there are; 1: alone, and nothing below counts.
  std::string address;     ///< Host where rank 0 runs.
  std::uint16_t port = 0;  ///< Where it listens, from 1.
  bool hosted = false;     ///< Somebody else listens there already: torchrun's agent.
  std::string attempt;     ///< Keeps a run that was started anew apart from the one before.
};

/// The place that the environment names, as torchrun sets it: RANK, WORLD_SIZE, MASTER_ADDR and
/// MASTER_PORT; TORCHELASTIC_USE_AGENT_STORE and TORCHELASTIC_RESTART_COUNT say whether torchrun
/// listens itself, and how often it has started the run. With neither RANK nor WORLD_SIZE it is a
/// process alone. Throws Error(invalid_argument) naming the variable that is missing or wrong.
[[nodiscard]] ProcessPlace place_from_environment();

/// LOCAL_RANK, which tells the processes of one machine apart; 0 where it is not set. Throws
/// Error(invalid_argument) naming it if it is no such number.
[[nodiscard]] int local_rank_from_environment();

/// Meets the other processes, runs `work`, in which train(), evaluate() and compress() share what
/// they do, and waits until all have done theirs. An Error in one ends the others with it, at the
/// next point where they exchange something, and so does the end of a process: Error(lost_process).
/// Throws Error(lost_process) if not all have come within `limit`. Alone, it calls `work` and
/// nothing else. Not to be called from two threads at a time.
void run_together(const ProcessPlace& place, const std::function<void()>& work,
                  std::chrono::seconds limit = std::chrono::seconds(60));

}  // namespace laconic
