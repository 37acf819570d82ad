// Looking up the table of operators.

#pragma once

#include <string_view>

#include "laconic/onnx.h"

namespace laconic {

/// The row of that operator, or null.
[[nodiscard]] const OperatorInfo* find_operator(std::string_view op) noexcept;

}  // namespace laconic
