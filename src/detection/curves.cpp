#include <fmt/format.h>

#include "laconic/precision_curves.h"
#include "report/chart.h"

namespace laconic {

std::string draw_precision_curves(std::span<const JudgedImage> images,
                                  std::span<const std::string> names) {
  Chart chart{Axis("recall", 0, 1), Axis("precision", 0, 1), {}, 400, 400};
  for (std::size_t label = 0; label < names.size(); ++label) {
    const auto curve =
        precision_curve(images, static_cast<std::int64_t>(label), 0.5, MatchRule::voc);
    if (curve.objects == 0) continue;
    auto& series = chart.series.emplace_back(ChartSeries{
        fmt::format("{}, AP50 {:.3f}", names[label], average_precision(curve, AreaRule::area)),
        {},
        true,
        false,
        chart.series.size()});
    for (const auto& point : curve.points)
      series.points.push_back({point.recall, point.precision, "", ""});
  }
  return draw(chart);
}

}  // namespace laconic
