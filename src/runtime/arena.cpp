#include "runtime/arena.h"

#include <algorithm>
#include <numeric>

namespace laconic::runtime {

Placement place(std::span<const Lifetime> lifetimes) {
  constexpr std::size_t alignment = 64;
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  Placement out{std::vector<std::size_t>(lifetimes.size()), 0};
  std::vector<std::size_t> placed;  // By ascending offset.
  for (const std::size_t i : order) {
    const Lifetime& now = lifetimes[i];
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      const Lifetime& there = lifetimes[other];
      if (there.last < now.first || now.last < there.first) continue;
      if (offset + now.bytes <= out.offsets[other]) break;
      const std::size_t end = out.offsets[other] + there.bytes;
      offset = std::max(offset, (end + alignment - 1) / alignment * alignment);
    }
    out.offsets[i] = offset;
    out.bytes = std::max(out.bytes, offset + now.bytes);
    placed.insert(std::ranges::upper_bound(placed, offset, {},
                                           [&](std::size_t at) { return out.offsets[at]; }),
                  i);
  }
  return out;
}

}  // namespace laconic::runtime
