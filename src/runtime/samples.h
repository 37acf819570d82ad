// Whether a batch may be run in parts: each sample's outputs depend on that sample alone.

#pragma once

#include "runtime/program.h"

namespace laconic::runtime {

/// True if axis 0 of all inputs and outputs counts samples and no node mixes them. `two` and
/// `three` are what values are for batches of two and three samples, whatever batch the graph
/// declares. An operator that is not known to keep samples apart makes it false.
[[nodiscard]] bool samples_are_apart(const Program& program, const Signatures& two,
                                     const Signatures& three);

}  // namespace laconic::runtime
