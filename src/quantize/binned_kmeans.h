// k-means of a large block by way of fine bins.

#pragma once

#include <optional>
#include <span>

#include "laconic/quantizer.h"
#include "quantize/block.h"

namespace laconic {

/// Levels and nearest indices from a partition of the bins, settled on the weights themselves near
/// every cut. Nothing where bins do not suffice: few weights, outliers that leave the bulk in few
/// bins, importances too far apart. The caller then sorts.
[[nodiscard]] std::optional<BlockCode> binned_kmeans(const CheckedBlock& block,
                                                     std::size_t free_levels,
                                                     std::span<const float> pinned);

}  // namespace laconic
