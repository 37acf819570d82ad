// Quantized tensors in a method's state, and so in checkpoints.

#pragma once

#include <string>

#include "laconic/method.h"

namespace laconic {

/// Adds a tensor's levels and indices under names made from `name`.
void keep(const QuantizedTensor& tensor, const std::string& name, MethodState& state);

/// Replaces levels and indices of `tensor`, whose shape and blocks are known, by those kept. Throws
/// Error(corrupt_data) if there are none, or they do not fit.
void take_up(const MethodState& state, const std::string& name, QuantizedTensor& tensor);

}  // namespace laconic
