#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/human.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/outcomes.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::size_t most_groups = 24, most_cards = 6;

std::string stem(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

/// Points of a network and of what it was made into have one colour.
std::string network_of(const Outcome& outcome) {
  return stem(outcome.model.empty() ? outcome.file : outcome.model);
}

Chart chart_of(const OutcomeGroup& group, double Outcome::*field, const std::string& label,
               Unit unit) {
  std::vector<double> bytes, values;
  std::map<std::string, std::size_t> places;
  std::vector<ChartSeries> series;
  for (const auto& row : group.outcomes) {
    const auto& outcome = row.outcome;
    const double value = outcome.*field;
    if (!std::isfinite(value) || !std::isfinite(outcome.bytes)) continue;
    bytes.push_back(outcome.bytes);
    values.push_back(value);
    const auto network = network_of(outcome);
    const auto [place, fresh] = places.emplace(network, series.size());
    if (fresh) series.push_back({network, {}, false, true, series.size()});
    series[place->second].points.push_back(
        {outcome.bytes, value, file_name(outcome.file),
         fmt::format("{}: {}, {}", outcome.file, figure(outcome.bytes, Unit::bytes),
                     figure(value, unit)),
         !row.compressed});
  }
  if (series.size() == 1) series[0].name.clear();
  return {Axis("size of the file", Scale::logarithmic, Unit::bytes, bytes),
          Axis(label, Scale::linear, unit, values), std::move(series), 400, 260};
}

std::string table_of(const OutcomeGroup& group) {
  const std::array columns{Column{"file"},
                           Column{"size", true},
                           Column{"smaller by", true},
                           Column{"bits per weight", true},
                           Column{group.figure, true},
                           Column{"points lost", true},
                           Column{"loss", true},
                           Column{"samples", true}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : group.outcomes) {
    const auto& outcome = row.outcome;
    rows.push_back(
        {escape(outcome.file), figure(outcome.bytes, Unit::bytes),
         std::isfinite(row.ratio) ? fmt::format("{:.2f}x", row.ratio) : "–",
         std::isfinite(row.bits_per_weight) ? fmt::format("{:.3f}", row.bits_per_weight) : "–",
         figure(outcome.score, Unit::percent),
         std::isfinite(row.points_lost()) ? fmt::format("{:+.2f}", row.points_lost()) : "–",
         figure(outcome.loss), grouped(outcome.samples)});
  }
  return html_table(columns, rows);
}

std::string sources_of(const OutcomeGroup& group) {
  constexpr std::size_t most = 200;
  std::string body;
  for (std::size_t i = 0; i < std::min(group.outcomes.size(), most); ++i) {
    const auto& outcome = group.outcomes[i].outcome;
    body +=
        fmt::format("<p><b>{}</b></p>\n{}", escape(outcome.file), html_provenance(outcome.from));
  }
  return html_fold("Where these figures come from",
                   body + html_left_out(group.outcomes.size(), most, "files"));
}

bool has_loss(const OutcomeGroup& group) {
  return std::ranges::any_of(group.outcomes,
                             [](const auto& row) { return std::isfinite(row.outcome.loss); });
}

std::string card(const JoinedOutcome& row, const OutcomeGroup& group) {
  const auto& outcome = row.outcome;
  std::string detail =
      fmt::format("{} {}", escape(group.figure), figure(outcome.score, Unit::percent));
  if (std::isfinite(row.float_score))
    detail += fmt::format(", float {}", figure(row.float_score, Unit::percent));
  return fmt::format(
      "<div class=\"card\"><span>{}</span><b>{}</b><span>{}{}</span><span>{} part</span></div>\n",
      escape(file_name(outcome.file), 60), figure(outcome.bytes, Unit::bytes),
      std::isfinite(row.ratio) ? fmt::format("{:.1f}x smaller; ", row.ratio) : "", detail,
      escape(group.part));
}

/// "accuracy: fashion-mnist, test part".
std::string heading(const OutcomeGroup& group) {
  return fmt::format(
      "{}: {}, {} part", escape(group.figure),
      group.data.empty() ? "data not recorded" : escape(group.data.substr(0, group.data.find(':'))),
      group.part.empty() ? "unknown" : escape(group.part));
}

std::string show(const OutcomeGroup& group) {
  std::vector charts{chart_of(group, &Outcome::score, group.figure, Unit::percent)};
  if (has_loss(group))
    charts.push_back(chart_of(group, &Outcome::loss, "cross-entropy", Unit::number));
  return html_figure(charts, "Hollow: float. Filled: from the compressed file.",
                     html_provenance({.data = group.data})) +
         table_of(group) + sources_of(group);
}

}  // namespace

std::string headline_cards(const Findings& findings) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& group : outcome_groups(findings)) {
    if (group.part != "test") continue;
    for (auto row = group.outcomes.rbegin(); row != group.outcomes.rend(); ++row) {
      if (row->compressed && shown++ < most_cards) out += card(*row, group);
    }
  }
  return out.empty() ? out : fmt::format("<div class=\"cards\">\n{}</div>\n", out);
}

std::string outcomes_section(const Findings& findings) {
  const auto groups = outcome_groups(findings);
  std::string out;
  bool tested = false;
  for (std::size_t g = 0; g < std::min(groups.size(), most_groups); ++g) {
    const auto& group = groups[g];
    tested = tested || group.part == "test";
    // What was chosen by a part says less of it than the test part does.
    out += tested && group.part != "test"
               ? html_fold(heading(group), show(group))
               : fmt::format("<h3>{}</h3>\n{}", heading(group), show(group));
  }
  return out + html_left_out(groups.size(), most_groups, "groups of figures");
}

}  // namespace laconic
