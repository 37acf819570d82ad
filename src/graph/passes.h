// What the import and others do to a graph, step by step.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "laconic/graph.h"

namespace laconic {

/// Whether input `input` of operator `op` is a weight if it is a constant.
[[nodiscard]] bool is_weight_input(std::string_view op, std::size_t input) noexcept;

/// The value of a Constant node. Throws Error(invalid_data) if it has none of a supported type.
[[nodiscard]] Constant constant_value(const Node& node);

/// Throws Error(unsupported_operator) for a node in a form of its operator that later opsets allow
/// and that is not implemented.
void check_form(const Node& node);

/// Replaces nodes that read constants alone by constants, as far as evaluate() knows their
/// operators. Nodes that only rearrange a float tensor stay, so that it keeps its name and form.
void fold_constants(Graph& graph);

/// Stores weights with the output channel first: Gemm's with transB = 1; those of MatMul and of
/// ConvTranspose without groups behind a Transpose node. Weights that are read more than once are
/// left alone.
void put_output_channels_first(Graph& graph);

/// Throws Error(invalid_data) naming the first tensor that has a NaN, or an infinity where it is a
/// weight, a bias or part of a normalisation. Elsewhere infinities have a meaning: masks, limits.
void check_finite(const Graph& graph);

/// Drops constants that no node reads and that are no outputs.
void drop_unread_constants(Graph& graph);

/// How often nodes read each value; an output of the graph counts as read once more.
[[nodiscard]] std::map<std::string, int, std::less<>> count_reads(const Graph& graph);

}  // namespace laconic
