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

/// The best partition with at most `free_levels` free cells and the pinned ones, of those whose
/// cuts lie at `borders`: ascending, from 0 to the line's size.
[[nodiscard]] Partition best_partition(const Line& line, std::span<const std::size_t> borders,
                                       std::size_t free_levels, std::span<const float> pinned);

/// Moves cuts to where none can be improved within some points of it, jointly with all others.
/// Begins with steps of about `reach[i]` at cut i (between cells i and i+1).
void refine(const Line& line, Partition& partition, std::vector<std::size_t> reach);

/// The best partition in practice: best_partition() over `coarse` borders, refined to the points.
[[nodiscard]] Partition fit_partition(const Line& line, std::span<const std::size_t> coarse,
                                      std::size_t free_levels, std::span<const float> pinned);

/// About `count` borders, close where the best levels are close: their density grows as the cube
/// root of that of importance (Panter and Dite).
[[nodiscard]] std::vector<std::size_t> coarse_borders(const Line& line, std::size_t count);

}  // namespace laconic
