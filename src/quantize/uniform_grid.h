// Multiples of one step: which of them a weight goes to, and how a step is chosen.

#pragma once

#include <cstdint>
#include <limits>

#include "quantize/line.h"

namespace laconic {

/// The furthest multiple of a step that a codebook may hold.
inline constexpr std::int64_t max_multiple = 65535;

struct UniformGrid {
  float step = 1;
  double dead_zone = 0.5;  ///< Weights up to so many steps from zero become zero.
  std::int64_t first = -max_multiple, last = max_multiple;  ///< What lies beyond is clipped.

  /// The nearest multiple, the smaller of two equally near ones, but for dead zone and clipping.
  [[nodiscard]] std::int64_t multiple_of(double weight) const;

  [[nodiscard]] float level(std::int64_t multiple) const {
    return static_cast<float>(static_cast<double>(step) * static_cast<double>(multiple));
  }
};

/// Calls visit(multiple, first, last) for every multiple that points of the line go to, with the
/// run of these points.
template <typename Visit>
void for_each_cell(const Line& line, const UniformGrid& grid, Visit visit) {
  const auto points = line.points();
  for (std::size_t first = 0, last = 0; first < points.size(); first = last) {
    const std::int64_t multiple = grid.multiple_of(points[first]);
    // Cells have about as many points as their neighbours: gallop, then halve.
    std::size_t stride = 1;
    last = first;
    while (last + stride < points.size() && grid.multiple_of(points[last + stride]) == multiple) {
      last += stride;
      stride *= 2;
    }
    for (; stride > 0; stride /= 2) {
      if (last + stride < points.size() && grid.multiple_of(points[last + stride]) == multiple)
        last += stride;
    }
    visit(multiple, first, ++last);
  }
}

/// Whether a cell's level is its multiple of the step, or the mean of its points.
enum class CellLevel { multiple, mean };

/// The grid of at most `levels` multiples with the least squared error that a search over steps
/// finds; `zero` asks for the multiple 0 to be among them.
[[nodiscard]] UniformGrid best_grid(const Line& line, std::int64_t levels, double dead_zone,
                                    CellLevel cell_level, bool zero);

/// As best_grid() for one step: places the multiples so that clipping costs least.
[[nodiscard]] UniformGrid placed_grid(const Line& line, float step, std::int64_t levels,
                                      double dead_zone, bool zero);

[[nodiscard]] double squared_error(const Line& line, const UniformGrid& grid, CellLevel cell_level);

/// The finest grid whose multiples have at most `bits` of entropy; the line's importances are
/// numbers of weights.
[[nodiscard]] UniformGrid grid_of_entropy(const Line& counts, double bits, double dead_zone);

}  // namespace laconic
