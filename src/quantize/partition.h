// Cutting a line into cells that share a level, so that the weighted squared error is least.
//
// Nearest levels make cells runs of neighbours, so that the best partition is a shortest path over
// cuts. The cost of a run satisfies the quadrangle inequality, so that best last cuts never move
// back as the path gets longer: divide and conquer finds them in k n log n (hessian-weighted-ecsq,
// section 12.1). A pinned level serves the points on both its sides up to the next free cell: it
// splits the line into segments, between which free levels are shared out (slq-mlq, section 12.1).

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quantize/line.h"

namespace laconic {

/// A run of neighbouring points [first, last) that share a level: their mean, or a pinned one.
struct Cell {
  std::size_t first = 0;
  std::size_t last = 0;
  bool pinned = false;
  double level = 0;  ///< Of a pinned cell.

  [[nodiscard]] double cost(const Line& line, std::size_t from, std::size_t to) const {
    return pinned ? line.cost_at(level, from, to) : line.cost(from, to);
  }
};

/// Cells in ascending order that cover the line; some may be empty.
using Partition = std::vector<Cell>;

[[nodiscard]] double cost(const Line& line, const Partition& partition);

/// Where a dynamic program may cut a line: borders from 0 to the line's size, ascending.
struct Borders {
  std::vector<std::size_t> at;
  /// Where the best levels of many would be spread evenly, as a share that rises from 0 to 1: their
  /// density grows as the cube root of that of importance (Panter and Dite).
  std::vector<double> share;
};

/// Every border between points. The shares are left out.
[[nodiscard]] Borders all_borders(const Line& line);

/// About `per_level` borders for each of so many levels, some in any case, at even shares.
[[nodiscard]] Borders coarse_borders(const Line& line, std::size_t levels, std::size_t per_level);

/// The best partition with at most `free_levels` free cells and the pinned ones, of those whose
/// cuts lie at `borders`. With shares, cuts are looked for some cells to each side of where many
/// levels would have them, then farther if they lie at the end of that.
[[nodiscard]] Partition best_partition(const Line& line, const Borders& borders,
                                       std::size_t free_levels, std::span<const float> pinned);

/// Moves cuts to where none can be improved within some points of it, jointly with all others.
/// Begins with steps of about `reach[i]` at cut i (between cells i and i+1).
void refine(const Line& line, Partition& partition, std::vector<std::size_t> reach);

/// Moves all cuts together towards half way between the levels on their sides, while that improves.
void relax(const Line& line, Partition& partition);

/// The best partition in practice: best_partition() over coarse borders, refined to the points.
[[nodiscard]] Partition fit_partition(const Line& line, std::size_t free_levels,
                                      std::span<const float> pinned);

/// The best partition of all. Linear time, about, where no level is pinned; levels x points x log
/// points where some are.
[[nodiscard]] Partition exact_partition(const Line& line, std::size_t free_levels,
                                        std::span<const float> pinned);

}  // namespace laconic
