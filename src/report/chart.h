// Charts as SVG: points and lines on two axes. A picture stands alone, in black on white; within a
// page, whose style has the same classes, it takes the page's colours.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/axis.h"

namespace laconic {

/// Series are told apart by so many colours, and by shapes of points where there are more.
inline constexpr std::size_t chart_colors = 7;

struct ChartPoint {
  double x = 0, y = 0;
  std::string label;  ///< Beside the point, where there is room.
  std::string title;  ///< When it is pointed at.
  bool hollow = false;
};

struct ChartSeries {
  std::string name;  ///< In the legend, unless empty.
  std::vector<ChartPoint> points;
  bool line = false, dots = true;
  std::size_t color = 0;
};

struct Chart {
  Axis x, y;
  std::vector<ChartSeries> series;
  double width = 400, height = 260;  ///< Of the area within the axes.
};

/// Points that the axes cannot bear are left out, as are all beyond the first 4,000 of a series;
/// of a line's points, those that no eye can tell from the one before.
[[nodiscard]] std::string draw(const Chart& chart);

/// "#d55e00": for those that paint without the page's style.
[[nodiscard]] std::string_view chart_color(std::size_t number) noexcept;

}  // namespace laconic
