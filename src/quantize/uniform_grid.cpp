#include "quantize/uniform_grid.h"

#include <algorithm>
#include <cmath>

namespace laconic {
namespace {

constexpr int steps_per_octave = 48;
constexpr int octaves = 6;  ///< Below the step that needs no clipping.

double largest_magnitude(const Line& line) {
  return std::max(-line.points().front(), line.points().back());
}

/// A step is never so fine that multiples leave their bounds, nor so coarse that it is infinite.
float bounded_step(const Line& line, double step) {
  const double finest = largest_magnitude(line) / static_cast<double>(max_multiple);
  return static_cast<float>(std::clamp(step, std::max(finest * (1 + 0x1p-20), 0x1p-149), 0x1p127));
}

/// What clipping to [first, first + levels) costs.
double clipping_cost(const Line& line, UniformGrid grid, std::int64_t first, std::int64_t levels) {
  const double low = grid.level(first), high = grid.level(first + levels - 1);
  const auto points = line.points();
  const auto below = static_cast<std::size_t>(std::lower_bound(points.begin(), points.end(), low) -
                                              points.begin());
  const auto above = static_cast<std::size_t>(std::upper_bound(points.begin(), points.end(), high) -
                                              points.begin());
  return line.cost_at(low, 0, std::min(below, above)) + line.cost_at(high, above, points.size());
}

double entropy(const Line& counts, const UniformGrid& grid) {
  const double total = counts.importance(0, counts.size());
  double bits = 0;
  for_each_cell(counts, grid, [&](std::int64_t, std::size_t first, std::size_t last) {
    const double share = counts.importance(first, last) / total;
    bits -= share * std::log2(share);
  });
  return bits;
}

}  // namespace

std::int64_t UniformGrid::multiple_of(double weight) const {
  const double steps = weight / static_cast<double>(step), distance = std::abs(steps);
  if (distance <= dead_zone) return std::clamp<std::int64_t>(0, first, last);
  // Up to the next whole number, as a library call would take most of the time here.
  const double below = std::min(distance, static_cast<double>(max_multiple)) - 0.5;
  auto nearest = static_cast<std::int64_t>(below);
  nearest = std::max<std::int64_t>(1, nearest + (static_cast<double>(nearest) < below));
  return std::clamp(steps < 0 ? -nearest : nearest, first, last);
}

double squared_error(const Line& line, const UniformGrid& grid, CellLevel cell_level) {
  double sum = 0;
  for_each_cell(line, grid, [&](std::int64_t multiple, std::size_t first, std::size_t last) {
    sum += cell_level == CellLevel::mean ? line.cost(first, last)
                                         : line.cost_at(grid.level(multiple), first, last);
  });
  return sum;
}

UniformGrid placed_grid(const Line& line, float step, std::int64_t levels, double dead_zone,
                        bool zero) {
  UniformGrid grid{.step = step, .dead_zone = dead_zone};
  std::int64_t low = grid.multiple_of(line.points().front());
  std::int64_t high = grid.multiple_of(line.points().back());
  if (zero) {
    low = std::min<std::int64_t>(low, 0);
    high = std::max<std::int64_t>(high, 0);
  }
  if (high - low < levels) {
    grid.first = low;
    grid.last = high;
    return grid;
  }
  // The cost is convex in the place of the first multiple.
  std::int64_t from = low, to = high - levels + 1;
  if (zero) {
    from = std::max(from, 1 - levels);
    to = std::min<std::int64_t>(to, 0);
  }
  while (from < to) {
    const std::int64_t middle = from + (to - from) / 2;
    if (clipping_cost(line, grid, middle, levels) <=
        clipping_cost(line, grid, middle + 1, levels)) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  grid.first = from;
  grid.last = from + levels - 1;
  return grid;
}

UniformGrid best_grid(const Line& line, std::int64_t levels, double dead_zone, CellLevel cell_level,
                      bool zero) {
  // From the step at which nothing is clipped, whatever the placing, towards finer ones.
  const double coarsest =
      2 * largest_magnitude(line) / std::max<double>(1, static_cast<double>(levels - 1));
  if (coarsest == 0) return {.step = 1, .dead_zone = dead_zone, .first = 0, .last = 0};
  UniformGrid best;
  double least = std::numeric_limits<double>::infinity(), at = 0;
  const auto attempt = [&](double octaves_finer) {
    const auto grid = placed_grid(line, bounded_step(line, coarsest * std::exp2(-octaves_finer)),
                                  levels, dead_zone, zero);
    const double error = squared_error(line, grid, cell_level);
    if (error < least) {
      least = error;
      best = grid;
      at = octaves_finer;
    }
  };
  for (int i = 0; i <= octaves * steps_per_octave; ++i)
    attempt(static_cast<double>(i) / steps_per_octave);
  for (double width = 0.5 / steps_per_octave; width > 1e-6; width /= 2) {
    const double middle = at;
    attempt(middle - width);
    attempt(middle + width);
  }
  return best;
}

UniformGrid grid_of_entropy(const Line& counts, double bits, double dead_zone) {
  const double largest = largest_magnitude(counts);
  if (largest == 0) return {.step = 1, .dead_zone = dead_zone, .first = 0, .last = 0};
  const auto grid_of = [&](double log_step) {
    return UniformGrid{.step = bounded_step(counts, std::exp2(log_step) * largest),
                       .dead_zone = dead_zone};
  };
  double fine = -17, coarse = 2;  // The coarsest sends all weights to zero.
  if (entropy(counts, grid_of(fine)) <= bits) return grid_of(fine);
  constexpr int halvings = 40;
  for (int i = 0; i < halvings; ++i) {
    const double middle = 0.5 * (fine + coarse);
    (entropy(counts, grid_of(middle)) <= bits ? coarse : fine) = middle;
  }
  return grid_of(coarse);
}

}  // namespace laconic
