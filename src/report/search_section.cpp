#include <fmt/format.h>

#include <cmath>

#include "core/human.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::size_t most_searches = 40;

Chart trials_chart(const SearchFigures& search) {
  ChartSeries within{"within the budget", {}, false, true, 0};
  ChartSeries beyond{"beyond it", {}, false, true, 1};
  std::vector<double> bytes, drops;
  bool labelled = false;
  for (const auto& trial : search.trials) {
    if (!std::isfinite(trial.drop)) continue;
    bytes.push_back(trial.bytes);
    drops.push_back(trial.drop);
    const bool written = trial.bytes == search.bytes && trial.fits && !labelled;
    labelled = labelled || written;
    auto& series = trial.fits ? within : beyond;
    series.points.push_back({trial.bytes, trial.drop, written ? "written" : "",
                             fmt::format("{}: {}, {:.3g} points lost", trial.choice,
                                         human_bytes(trial.bytes), trial.drop),
                             !trial.fits});
  }
  return {Axis("size of the file", Scale::logarithmic, Unit::bytes, bytes),
          Axis("points lost on validation", Scale::linear, Unit::number, drops),
          {within, beyond},
          900,
          260};
}

std::string trials_table(const SearchFigures& search) {
  constexpr std::array columns{Column{"#", true},           Column{"choice"},
                               Column{"size", true},        Column{"smaller by", true},
                               Column{"points lost", true}, Column{"within the budget"}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& trial : search.trials) {
    rows.push_back({fmt::format("{}", rows.size() + 1), escape(trial.choice),
                    figure(trial.bytes, Unit::bytes), figure(trial.ratio) + "x", figure(trial.drop),
                    trial.fits ? "yes" : "no"});
  }
  return html_table(columns, rows);
}

std::string heading(const SearchFigures& search) {
  return fmt::format("{} <small>from {}: {}, {}x smaller; {} → {} on {} validation samples</small>",
                     escape(file_name(search.file)),
                     search.model.empty() ? "a network" : escape(file_name(search.model)),
                     figure(search.bytes, Unit::bytes), figure(search.ratio),
                     figure(search.before, Unit::percent), figure(search.after, Unit::percent),
                     grouped(search.samples));
}

}  // namespace

std::string search_section(const Findings& findings) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& search : findings.searches) {
    if (shown == most_searches) break;
    ++shown;
    out += fmt::format("<h3>{}</h3>\n", heading(search));
    const std::array charts{trials_chart(search)};
    const bool any = !charts[0].series[0].points.empty() || !charts[0].series[1].points.empty();
    out += html_figure(std::span(charts).first(any ? 1 : 0), "", html_provenance(search.from));
    if (!search.trials.empty())
      out += html_fold(fmt::format("All {} that were tried", search.trials.size()),
                       trials_table(search));
  }
  return out + html_left_out(findings.searches.size(), shown, "searches");
}

}  // namespace laconic
