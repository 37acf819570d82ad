// What the import does to a graph, step by step.

#pragma once

#include <cstddef>
#include <string_view>

#include "laconic/graph.h"

namespace laconic {

/// Whether input `input` of operator `op` is a weight if it is a constant.
[[nodiscard]] bool is_weight_input(std::string_view op, std::size_t input) noexcept;

/// The value of a Constant node. Throws Error(invalid_data) if it has none of a supported type.
[[nodiscard]] Constant constant_value(const Node& node);

/// Throws Error(invalid_data) naming the first tensor that has a NaN, or an infinity where it is a
/// weight, a bias or part of a normalisation. Elsewhere infinities have a meaning: masks, limits.
void check_finite(const Graph& graph);

}  // namespace laconic
