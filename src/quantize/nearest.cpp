#include "quantize/nearest.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/ranges.h"

namespace laconic {
namespace {

/// Up to here, comparing with every upper beats looking up where to begin.
constexpr std::size_t few = 48;
constexpr std::size_t slots_per_upper = 8;

void count_few(std::span<const float> uppers, std::span<const float> weights,
               std::span<Index> indices) {
  constexpr std::size_t chunk = 2048;  // Stays in the nearest cache.
  for (std::size_t begin = 0; begin < weights.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, weights.size());
    std::fill(indices.begin() + static_cast<std::ptrdiff_t>(begin),
              indices.begin() + static_cast<std::ptrdiff_t>(end), Index{0});
    for (const float upper : uppers) {
      for (std::size_t i = begin; i < end; ++i) {
        indices[i] = static_cast<Index>(indices[i] + (weights[i] > upper));
      }
    }
  }
}

/// A table over equal slots from the first upper to the last says between which uppers to search.
void count_many(std::span<const float> uppers, std::span<const float> weights,
                std::span<Index> indices) {
  const std::size_t slots = slots_per_upper * uppers.size();
  const float low = uppers.front();
  const double width = static_cast<double>(uppers.back()) - static_cast<double>(low);
  const double scale = width > 0 ? static_cast<double>(slots) / width : 0;
  const auto slot_of = [&](float value) {
    const double slot = (static_cast<double>(value) - static_cast<double>(low)) * scale;
    return static_cast<std::size_t>(std::clamp(slot, 0.0, static_cast<double>(slots - 1)));
  };
  std::vector<std::uint32_t> first(slots + 1, 0);  // How many uppers lie in lower slots.
  for (const float upper : uppers) ++first[slot_of(upper) + 1];
  for (std::size_t slot = 0; slot < slots; ++slot) first[slot + 1] += first[slot];
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t slot = slot_of(weights[i]);
    const float* from = uppers.data() + first[slot];
    const float* to = uppers.data() + first[slot + 1];
    if (to - from > 8) {
      from = std::lower_bound(from, to, weights[i]);
    } else {
      while (from < to && *from < weights[i]) ++from;
    }
    indices[i] = static_cast<Index>(from - uppers.data());
  }
}

}  // namespace

std::vector<float> nearest_uppers(std::span<const float> levels) {
  std::vector<float> uppers(levels.size() - 1);
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const double low = levels[i], high = levels[i + 1], middle = 0.5 * (low + high);
    const bool middle_goes_up = std::abs(high) < std::abs(low);
    auto upper = static_cast<float>(middle);
    if (static_cast<double>(upper) > middle ||
        (static_cast<double>(upper) == middle && middle_goes_up)) {
      upper = std::nextafter(upper, -std::numeric_limits<float>::infinity());
    }
    uppers[i] = upper;
  }
  return uppers;
}

void count_uppers(std::span<const float> uppers, std::span<const float> weights,
                  std::span<Index> indices) {
  for_each_range(ranges_of(weights.size()), [&](const IndexRange& range, std::size_t) {
    const auto some = weights.subspan(range.begin, range.size());
    const auto places = indices.subspan(range.begin, range.size());
    if (uppers.size() <= few) {
      count_few(uppers, some, places);
    } else {
      count_many(uppers, some, places);
    }
  });
}

std::vector<Index> nearest_indices(const Codebook& codebook, std::span<const float> weights) {
  std::vector<Index> indices(weights.size());
  count_uppers(nearest_uppers(codebook.levels()), weights, indices);
  return indices;
}

}  // namespace laconic
