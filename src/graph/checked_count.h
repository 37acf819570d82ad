// element_count() for shapes that come from outside.

#pragma once

#include <cstdint>

#include "laconic/quantized_tensor.h"

namespace laconic {

/// More elements than any tensor that fits a machine; element bytes times this fit an int64.
inline constexpr std::int64_t most_elements = std::int64_t{1} << 48;

/// Product of the extents. Throws Error(invalid_data) if one is negative or the product (of those
/// that are not 0) exceeds `limit`.
[[nodiscard]] std::int64_t checked_count(const Shape& shape, std::int64_t limit = most_elements);

}  // namespace laconic
