// Where entropy-constrained quantization begins: the best partition into runs of neighbours under
// squared error plus lambda times entropy, over coarse borders (hessian-weighted-ecsq,
// section 12.2).

#pragma once

#include <cstdint>
#include <span>

#include "quantize/partition.h"

namespace laconic {

/// `counts[i]` weights lie at the line's point i. At most `levels` cells, pinned ones included; a
/// cell of n weights costs its squared error and lambda n log2(N / n). Cells may be empty.
[[nodiscard]] Partition interval_partition(const Line& line, std::span<const std::uint32_t> counts,
                                           double lambda, std::size_t levels,
                                           std::span<const float> pinned);

}  // namespace laconic
