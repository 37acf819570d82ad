// What a session refuses: programs and inputs.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "laconic/session.h"
#include "runtime/program.h"

namespace laconic::runtime {

/// Inputs whose elements say what to do: a plan holds for these elements alone.
[[nodiscard]] std::vector<bool> find_told(const Graph& graph);

/// Throws Error(unsupported_operator) for a node without an operator, Error(invalid_data) for one
/// with attributes that only passes may set.
void check_operators(const Graph& graph);

/// Throws for nodes and values that do not hang together; constants count by their names.
void check_structure(const Program& program);

/// The shape that an input must have, in words.
[[nodiscard]] std::string wanted_shape(const ValueInfo& info);
[[nodiscard]] bool fits(const ValueInfo& info, std::span<const std::int64_t> shape);

/// Throws Error(invalid_data) unless a given input has the type, shape, bytes and alignment of what
/// is wanted.
void check_input(const ValueInfo& info, const TensorView& view);

}  // namespace laconic::runtime
