// Coarse to fine: a partition found on few borders is brought to the points themselves.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "quantize/partition.h"

namespace laconic {
namespace {

constexpr std::ptrdiff_t steps = 8;  ///< To each side of a cut.

/// Where a cut may move: some steps to each side of where it is, within the line.
struct Candidates {
  std::size_t first = 0;
  std::size_t step = 1;
  std::size_t count = 1;

  Candidates(std::size_t at, std::size_t spacing, std::size_t size) : step(spacing) {
    const std::size_t below = std::min<std::size_t>(steps, at / step);
    const std::size_t above = std::min<std::size_t>(steps, (size - at) / step);
    first = at - below * step;
    count = below + above + 1;
  }
  [[nodiscard]] std::size_t operator[](std::size_t i) const { return first + i * step; }
};

/// Moves every cut to one of its candidates so that together they cost least.
void move_cuts(const Line& line, Partition& partition, const std::vector<Candidates>& cuts) {
  std::vector<double> path{0}, next;
  std::vector<std::vector<std::uint8_t>> from;
  Candidates previous(0, 1, 0);
  for (std::size_t cell = 0; cell < partition.size(); ++cell) {
    const Candidates here =
        cell < cuts.size() ? cuts[cell] : Candidates(line.size(), line.size() + 1, line.size());
    next.assign(here.count, std::numeric_limits<double>::infinity());
    from.emplace_back(here.count);
    for (std::size_t to = 0; to < here.count; ++to) {
      for (std::size_t i = 0; i < previous.count && previous[i] <= here[to]; ++i) {
        const double cost = path[i] + partition[cell].cost(line, previous[i], here[to]);
        if (cost < next[to]) {
          next[to] = cost;
          from.back()[to] = static_cast<std::uint8_t>(i);
        }
      }
    }
    path.swap(next);
    previous = here;
  }
  std::size_t at = 0;
  for (std::size_t cell = partition.size(); cell-- > 1;) {
    at = from[cell][at];
    partition[cell].first = partition[cell - 1].last = cuts[cell - 1][at];
  }
}

}  // namespace

void refine(const Line& line, Partition& partition, std::vector<std::size_t> reach) {
  if (partition.size() < 2) return;
  constexpr int most_rounds = 100;
  std::vector<Candidates> cuts;
  for (int round = 0; round < most_rounds; ++round) {
    cuts.clear();
    for (std::size_t i = 0; i + 1 < partition.size(); ++i) {
      cuts.emplace_back(partition[i].last, std::max<std::size_t>(1, reach[i] / steps), line.size());
    }
    move_cuts(line, partition, cuts);
    bool settled = true;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const std::size_t at = partition[i].last,
                        far = cuts[i].first + (cuts[i].count - 1) * cuts[i].step;
      const bool at_end = (at == cuts[i].first && at > 0) || (at == far && at < line.size());
      settled = settled && cuts[i].step == 1 && !at_end;
      if (!at_end) reach[i] = cuts[i].step;
    }
    if (settled) return;
  }
}

}  // namespace laconic
