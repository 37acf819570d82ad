// Quantized tensors and counts in a method's state, and so in checkpoints.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "laconic/method.h"

namespace laconic {

/// Adds a tensor's levels and indices under names made from `name`.
void keep(const QuantizedTensor& tensor, const std::string& name, MethodState& state);

/// Replaces levels and indices of `tensor`, whose shape and blocks are known, by those kept. Throws
/// Error(corrupt_data) if there are none, or they do not fit.
void take_up(const MethodState& state, const std::string& name, QuantizedTensor& tensor);

/// A count of steps as two floats, which hold 24 bits each: 0 to 2^44.
[[nodiscard]] std::array<float, 2> split_count(std::int64_t count);

/// The count again; none if no count is split into these.
[[nodiscard]] std::optional<std::int64_t> joined_count(float high, float low);

}  // namespace laconic
