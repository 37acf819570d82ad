// Parallel loops over elements: worth waking other threads for, and without memory of their own.

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "laconic/threads.h"

namespace laconic::runtime {

/// Calls body(first, last) on parts of [0, count) that cost about `grain` units each or more, an
/// item costing `cost` units. A unit is about a nanosecond; waking a thread takes some 10,000.
template <typename Body>
void parallel_ranges(std::int64_t count, std::int64_t cost, const Body& body) {
  constexpr std::int64_t grain = 40000;
  const auto items = std::max<std::int64_t>(1, grain / std::max<std::int64_t>(1, cost));
  const auto parts = std::min<std::int64_t>((count + items - 1) / items, 4 * threads());
  if (parts <= 1 || threads() == 1) {
    if (count > 0) body(0, count);
    return;
  }
  const auto part = [&](std::int64_t i) { body(i * count / parts, (i + 1) * count / parts); };
  parallel_for(parts, std::ref(part));  // A reference: std::function would allocate for more.
}

}  // namespace laconic::runtime
