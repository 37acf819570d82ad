#include "entropy/histogram.h"

namespace laconic {

std::vector<std::uint64_t> histogram(std::span<const Index> indices, std::int64_t alphabet) {
  // Four tables, so that equal indices in a row do not wait for one another.
  const auto size = static_cast<std::size_t>(alphabet);
  std::vector<std::uint64_t> counts(4 * size);
  std::size_t i = 0;
  for (; i + 4 <= indices.size(); i += 4) {
    for (std::size_t k = 0; k < 4; ++k) ++counts[k * size + indices[i + k]];
  }
  for (; i < indices.size(); ++i) ++counts[indices[i]];
  for (std::size_t s = 0; s < size; ++s) {
    counts[s] += counts[size + s] + counts[2 * size + s] + counts[3 * size + s];
  }
  counts.resize(size);
  return counts;
}

}  // namespace laconic
