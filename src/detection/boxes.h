// Boxes as networks see them: relative to an anchor or a region, and thinned out.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "laconic/detection.h"

namespace laconic {

/// x and y of the centre in units of the reference's sides, logarithms of width and height.
using BoxShift = std::array<float, 4>;

/// How `to` lies relative to `from`; both must have an area.
[[nodiscard]] BoxShift shift_between(const Box& from, const Box& to);

/// The inverse; growth is bounded, so that any finite shift gives a finite box.
[[nodiscard]] Box shifted(const Box& from, const BoxShift& shift);

[[nodiscard]] Box clipped(const Box& box, double height, double width);

/// Positions of the boxes that stay when each that overlaps a better one by more than `overlap` is
/// dropped, best first, at most `most`. Boxes of equal score keep their order.
[[nodiscard]] std::vector<std::size_t> suppress(std::span<const Box> boxes,
                                                std::span<const float> scores, double overlap,
                                                std::int64_t most);

/// Positions by falling score, at most `most`; equal scores in their order. Scores that are not
/// finite are left out.
[[nodiscard]] std::vector<std::size_t> best_first(std::span<const float> scores, std::int64_t most);

/// Of all cells, row by row; in a cell size by size, then ratio by ratio.
[[nodiscard]] std::vector<Box> anchors_of(const DetectorForm& form, std::int64_t height,
                                          std::int64_t width);

}  // namespace laconic
