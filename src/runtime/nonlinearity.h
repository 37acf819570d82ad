// Nodes that do the same to each value, as functions that kernels have.

#pragma once

#include <optional>

#include "laconic/graph.h"
#include "laconic/kernels.h"

namespace laconic::runtime {

/// Nothing for other operators. Of a Clip, the bounds that are attributes.
[[nodiscard]] std::optional<Nonlinearity> nonlinearity_of(const Node& node);

}  // namespace laconic::runtime
