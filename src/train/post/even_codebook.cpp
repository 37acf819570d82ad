#include "train/post/even_codebook.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/trellis.h"

namespace laconic {

float short_float(double value) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return std::bit_cast<float>((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

Codebook evenly_spaced_over(std::span<const float> values, float step) {
  double low = 0, high = 0;
  for (const float value : values) {
    low = std::min(low, static_cast<double>(value));
    high = std::max(high, static_cast<double>(value));
  }
  const auto first = static_cast<std::int64_t>(std::round(low / step));
  const auto last = static_cast<std::int64_t>(std::round(high / step));
  if (last - first >= 65536)
    return evenly_spaced_over(values, step * static_cast<float>(last - first) / 32768);
  return Codebook::evenly_spaced(step, first, last - first + 1);
}

Codebook trellis_levels_over(std::span<const float> values, double step) {
  EvenSpacing spacing;
  const auto inner = evenly_spaced_over(values, short_float(trellis::step_ratio * step));
  const bool even = inner.size() > 1 && find_even_spacing(inner, spacing);
  if (!even || inner.size() + 4 > 65536) return inner;
  return Codebook::evenly_spaced(spacing.step, spacing.first - 2,
                                 static_cast<std::int64_t>(inner.size()) + 4);
}

void drop_unused_ends(QuantizedTensor& tensor, bool keep_zero) {
  for (std::size_t b = 0; b < tensor.codebooks.size(); ++b) {
    const auto begin = tensor.indices.begin() + static_cast<std::ptrdiff_t>(b) * tensor.block_size;
    const auto end = tensor.indices.end() - begin > tensor.block_size ? begin + tensor.block_size
                                                                      : tensor.indices.end();
    const auto [low, high] = std::minmax_element(begin, end);
    Index first = *low, last = *high;
    if (const auto zero = tensor.codebooks[b].zero_index(); keep_zero && zero >= 0) {
      first = std::min(first, static_cast<Index>(zero));
      last = std::max(last, static_cast<Index>(zero));
    }
    const auto levels = tensor.codebooks[b].levels();
    if (first == 0 && last + 1u == levels.size()) continue;
    std::for_each(begin, end, [first](Index& index) { index = static_cast<Index>(index - first); });
    tensor.codebooks[b] =
        Codebook(std::vector<float>(levels.begin() + first, levels.begin() + last + 1));
  }
}

}  // namespace laconic
