// Passes over a large block in parallel. What each range adds up is in whole numbers, so that how a
// block is cut does not show.

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "laconic/threads.h"

namespace laconic {

struct IndexRange {
  std::size_t begin = 0, end = 0;

  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

/// Cuts [0, count) into one range for each thread, but none of fewer than 2^18 elements.
inline std::vector<IndexRange> ranges_of(std::size_t count) {
  constexpr std::size_t least = std::size_t{1} << 18;
  const std::size_t parts =
      std::clamp<std::size_t>(count / least, 1, static_cast<std::size_t>(threads()));
  std::vector<IndexRange> ranges(parts);
  for (std::size_t i = 0; i < parts; ++i) ranges[i] = {count * i / parts, count * (i + 1) / parts};
  return ranges;
}

/// body(range, its number) for each, in parallel.
template <typename Body>
void for_each_range(const std::vector<IndexRange>& ranges, Body body) {
  parallel_for(static_cast<std::int64_t>(ranges.size()), [&](std::int64_t i) {
    body(ranges[static_cast<std::size_t>(i)], static_cast<std::size_t>(i));
  });
}

}  // namespace laconic
