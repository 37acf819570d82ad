// Constants of a graph as LibTorch's tensors, and back.

#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "laconic/graph.h"

namespace laconic {

/// The type that LibTorch holds values of `type` in. LibTorch 1.13 lacks wide unsigned types: the
/// next wider signed one holds them (uint64 values below 2^63). Empty for types it has no room for.
[[nodiscard]] std::optional<at::ScalarType> scalar_type(ElementType type) noexcept;

/// Values held in a wider type, reduced as the unsigned type would.
[[nodiscard]] at::Tensor wrap_unsigned(const at::Tensor& x, ElementType type);

/// A copy on the CPU. Throws Error(invalid_data) for a uint64 value of 2^63 or more.
[[nodiscard]] at::Tensor to_tensor(const Constant& constant);

/// The float32 tensor as a constant.
[[nodiscard]] Constant to_constant(const at::Tensor& tensor);

}  // namespace laconic
