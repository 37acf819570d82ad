// Parallel loops over elements: worth waking other threads for, and without memory of their own.

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "laconic/threads.h"

/// Before a loop whose iterations read nothing that another writes, though an output may be an
/// input.
#if defined(__clang__)
#define LACONIC_INDEPENDENT  // Clang's own hint warns of each loop that it cannot vectorize.
#else
#define LACONIC_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace laconic::runtime {

/// Folds `count` values that lie together from `start`, in eight parts that the compiler makes
/// vectors of; add(a, b) must not mind the order.
template <typename Result, typename Add>
Result fold_row(const float* x, std::int64_t count, Result start, Add add) {
  constexpr std::int64_t lanes = 8;
  Result parts[lanes];
  std::fill_n(parts, lanes, start);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::int64_t k = 0; k < lanes; ++k)
      parts[k] = add(parts[k], static_cast<Result>(x[i + k]));
  }
  Result result = start;
  for (const Result part : parts) result = add(result, part);
  for (; i < count; ++i) result = add(result, static_cast<Result>(x[i]));
  return result;
}

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
