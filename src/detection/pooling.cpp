#include "detection/pooling.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace laconic {
namespace {

/// Cells that a bin touches along one axis.
struct Extent {
  double from = 0, to = 0;
  std::int64_t first = 0, last = 0;  ///< To before last.

  [[nodiscard]] double share(std::int64_t cell) const {
    const auto c = static_cast<double>(cell);
    return std::min(to, c + 1) - std::max(from, c);
  }
};

Extent extent(double start, double end, std::int64_t bin, std::int64_t bins, std::int64_t cells) {
  const double step = (end - start) / static_cast<double>(bins);
  const auto limit = static_cast<double>(cells);
  Extent out;
  out.from = std::clamp(start + step * static_cast<double>(bin), 0.0, limit);
  out.to = std::clamp(start + step * static_cast<double>(bin + 1), 0.0, limit);
  out.first = static_cast<std::int64_t>(out.from);
  out.last = static_cast<std::int64_t>(std::ceil(out.to));
  return out;
}

/// Calls visit(position in one group's maps, weights) for each row of cells in each bin: the
/// position of the first cell, a weight for each. The weights of a region inside the maps add up
/// to one.
template <typename Visit>
void for_each_row(const PoolingShape& shape, const Box& region, const Visit& visit) {
  const double s = shape.stride;
  std::vector<Extent> all_columns;
  for (std::int64_t j = 0; j < shape.bins; ++j)
    all_columns.push_back(extent(region.x1 / s, region.x2 / s, j, shape.bins, shape.width));
  std::vector<float> weights;
  for (std::int64_t i = 0; i < shape.bins; ++i) {
    const auto rows = extent(region.y1 / s, region.y2 / s, i, shape.bins, shape.height);
    for (std::int64_t j = 0; j < shape.bins; ++j) {
      const auto& columns = all_columns[static_cast<std::size_t>(j)];
      const double area = (rows.to - rows.from) * (columns.to - columns.from);
      if (!(area > 0)) continue;
      const double weight = 1 / (area * static_cast<double>(shape.bins * shape.bins));
      for (auto y = rows.first; y < rows.last; ++y) {
        const double across = rows.share(y) * weight;
        weights.clear();
        for (auto x = columns.first; x < columns.last; ++x)
          weights.push_back(static_cast<float>(across * columns.share(x)));
        const auto line = ((i * shape.bins + j) * shape.height + y) * shape.width;
        visit(static_cast<std::size_t>(line + columns.first), std::span<const float>(weights));
      }
    }
  }
}

std::size_t group_size(const PoolingShape& shape) {
  return static_cast<std::size_t>(shape.bins * shape.bins * shape.height * shape.width);
}

}  // namespace

void pool_region(const PoolingShape& shape, std::span<const float> maps, const Box& region,
                 std::span<float> out) {
  const auto size = group_size(shape);
  std::ranges::fill(out, 0.0F);
  for_each_row(shape, region, [&](std::size_t at, std::span<const float> weights) {
    for (std::size_t g = 0; g < out.size(); ++g) {
      float sum = out[g];
      for (std::size_t x = 0; x < weights.size(); ++x) sum += weights[x] * maps[g * size + at + x];
      out[g] = sum;
    }
  });
}

void pool_region_backward(const PoolingShape& shape, const Box& region,
                          std::span<const float> out_gradient, std::span<float> maps_gradient) {
  const auto size = group_size(shape);
  for_each_row(shape, region, [&](std::size_t at, std::span<const float> weights) {
    for (std::size_t g = 0; g < out_gradient.size(); ++g) {
      for (std::size_t x = 0; x < weights.size(); ++x)
        maps_gradient[g * size + at + x] += weights[x] * out_gradient[g];
    }
  });
}

}  // namespace laconic
