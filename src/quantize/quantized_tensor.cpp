#include "laconic/quantized_tensor.h"

namespace laconic {

std::int64_t element_count(const Shape& shape) noexcept {
  std::int64_t count = 1;
  for (const auto extent : shape) count *= extent;
  return count;
}

}  // namespace laconic
