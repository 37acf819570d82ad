// From a partition of the points to levels as they are stored, in single precision.

#pragma once

#include <span>
#include <vector>

#include "laconic/quantizer.h"
#include "quantize/partition.h"

namespace laconic {

/// The levels of a partition's cells that are not empty, and the pinned ones: ascending, distinct.
[[nodiscard]] std::vector<float> levels_of(const Line& line, const Partition& partition);

/// The partition in which every point goes to its nearest level, pinned levels marked as such.
[[nodiscard]] Partition nearest_partition(const Line& line, std::span<const float> levels,
                                          std::span<const float> pinned);

/// Of every point about its nearest level.
[[nodiscard]] double squared_error(const Line& line, std::span<const float> levels);

/// Levels that are the means of the points nearest to them (Lloyd's condition), reached from a
/// partition in at most `sweeps` rounds.
[[nodiscard]] std::vector<float> settle(const Line& line, Partition partition,
                                        std::span<const float> pinned, int sweeps);

/// The line that a block's distinct weights make.
[[nodiscard]] Line line_of(std::span<const float> weights, std::span<const float> importance);

/// A block's code without the levels that no weight takes, pinned ones excepted. Levels ascend.
[[nodiscard]] BlockCode with_used_levels(std::vector<float> levels, std::vector<Index> indices,
                                         std::span<const float> pinned);

/// The block's weights at the nearest of these levels, in any order; only those that are used, or
/// pinned, are kept.
[[nodiscard]] BlockCode nearest_code(std::vector<float> levels, std::span<const float> weights,
                                     std::span<const float> pinned);

}  // namespace laconic
