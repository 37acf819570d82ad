// How often each index occurs.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/coder.h"

namespace laconic {

/// Counts of the indices below `alphabet`; all indices are.
[[nodiscard]] std::vector<std::uint64_t> histogram(std::span<const Index> indices,
                                                   std::int64_t alphabet);

}  // namespace laconic
