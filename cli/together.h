// Verbs whose work several processes share.

#pragma once

#include <functional>
#include <utility>

#include "context.h"
#include "laconic/processes.h"

namespace laconic::cli {

inline constexpr const char* together_footer =
    "Processes that torchrun starts, or anything else that sets RANK, WORLD_SIZE, MASTER_ADDR and "
    "MASTER_PORT, share the work: see docs/training.md.";

/// What the verb does, with the other processes that the environment names. The first of them alone
/// speaks and writes; all know how they end.
inline std::function<void()> together(Context& context, std::function<void()> work) {
  return [&context, work = std::move(work)] {
    const auto place = place_from_environment();
    context.rank = place.rank;
    context.processes = place.size;
    run_together(place, work);
  };
}

}  // namespace laconic::cli
