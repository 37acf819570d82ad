#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html.h"
#include "report/markup.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::size_t most_runs = 40;

Chart curves(const TrainingRun& run, std::string_view label, Unit unit,
             double EpochFigures::*training, double EpochFigures::*validation) {
  ChartSeries first{"training", {}, true, true, 0}, second{"validation", {}, true, true, 1};
  std::vector<double> epochs, values;
  for (const auto& epoch : run.epochs) {
    epochs.push_back(epoch.epoch);
    for (auto [series, field] : {std::pair(&first, training), std::pair(&second, validation)}) {
      const double value = epoch.*field;
      if (!std::isfinite(value)) continue;
      values.push_back(value);
      series->points.push_back(
          {epoch.epoch, value, "",
           fmt::format("{}, epoch {}: {}", series->name, epoch.epoch, figure(value, unit))});
    }
  }
  const bool crowded = run.epochs.size() > 60;
  first.dots = second.dots = !crowded;
  Chart chart{Axis("epoch", Scale::linear, Unit::number, epochs),
              Axis(std::string(label), Scale::linear, unit, values),
              {},
              400,
              220};
  for (auto& series : {first, second}) {
    if (!series.points.empty()) chart.series.push_back(series);
  }
  return chart;
}

/// "lenet5: 12 epochs in 34 s".
std::string heading(const TrainingRun& run) {
  auto out = fmt::format("{} <small>{}", escape(file_name(run.output)), escape(run.model));
  if (!run.method.empty()) out += fmt::format(", {}", escape(run.method));
  out += fmt::format(", {} epoch{}", run.epochs.size(), run.epochs.size() == 1 ? "" : "s");
  if (std::isfinite(run.seconds)) out += fmt::format(" in {:.0f} s", run.seconds);
  return out + "</small>";
}

}  // namespace

std::string training_section(const Findings& findings) {
  std::string out;
  std::size_t shown = 0, all = 0;
  for (const auto& run : findings.training) {
    if (run.epochs.empty()) continue;
    if (++all > most_runs) continue;
    ++shown;
    const bool detector = run.from.data.starts_with("voc:") || run.from.data.starts_with("coco:");
    const std::array charts{
        curves(run, "loss", Unit::number, &EpochFigures::loss, &EpochFigures::validation_loss),
        curves(run, detector ? "accuracy; mAP50 on validation" : "accuracy", Unit::percent,
               &EpochFigures::accuracy, &EpochFigures::validation_accuracy)};
    out += fmt::format("<h3>{}</h3>\n{}", heading(run),
                       html_figure(charts, "", html_provenance(run.from)));
  }
  return out + html_left_out(all, shown, "training runs");
}

}  // namespace laconic
