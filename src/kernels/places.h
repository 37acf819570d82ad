// Which weight of a row lies where in a panel.

#pragma once

#include <cstdint>
#include <vector>

#include "kernels/packed_weights.h"

namespace laconic {

/// For each weight of each quad of a segment, filled up to whole chunks of so many quads, its
/// position in the row as the tensor stores it: [segment][chunk][quad][4]; -1 where weights fill.
[[nodiscard]] std::vector<std::int64_t> places(const Reduction& reduction, int chunk_quads);

}  // namespace laconic
