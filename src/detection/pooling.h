// Position-sensitive pooling: a region is divided into k x k bins, and each bin looks at maps of
// its own. What a class (or a side of the box) gets is the mean over bins.
//
// A bin takes the mean of a map over its area exactly, cells counted by the share that lies in it;
// R-FCN rounds bins to whole cells. On small maps an object's position within a cell thus counts,
// and the answer is continuous in the region.

#pragma once

#include <cstdint>
#include <span>

#include "laconic/detection.h"

namespace laconic {

struct PoolingShape {
  std::int64_t groups = 0;  ///< Classes, or sides.
  std::int64_t bins = 0;
  std::int64_t height = 0, width = 0;
  double stride = 1;  ///< Pixels for each cell; regions are in pixels.
};

/// `maps` is [groups][bins][bins][height][width]; `out` has an entry per group. Parts of a region
/// outside the maps do not count; a bin that is outside altogether gives 0.
void pool_region(const PoolingShape& shape, std::span<const float> maps, const Box& region,
                 std::span<float> out);

/// Adds to `maps_gradient` what `out_gradient` comes to there.
void pool_region_backward(const PoolingShape& shape, const Box& region,
                          std::span<const float> out_gradient, std::span<float> maps_gradient);

}  // namespace laconic
