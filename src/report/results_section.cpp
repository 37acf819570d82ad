#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/html.h"
#include "report/markup.h"
#include "report/results.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::size_t most_tables = 60, most_charts = 6;

using Row = std::vector<std::string>;

/// Shares are shown as percent: names say accuracy, figures lie within 0 to 1.
Unit unit_of(const ResultTable& table, std::size_t column) {
  const auto& name = table.header[column];
  const bool error =
      name.find("error") != std::string::npos || name.find("loss") != std::string::npos;
  const bool shares = std::ranges::all_of(table.rows, [&](const Row& row) {
    const double value = to_number(row[column]);
    return std::isnan(value) || (value >= 0 && value <= 1);
  });
  return shares && !error ? Unit::percent : Unit::number;
}

/// One figure against bytes, of the rows of one data set; models have a colour each.
Chart chart_of(const ResultTable& table, const ResultColumns& columns, std::size_t figure_column,
               const std::string& data, std::size_t data_column) {
  const auto unit = unit_of(table, figure_column);
  std::vector<double> bytes, values;
  std::map<std::string, std::size_t> places;
  std::vector<ChartSeries> series;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    const double x = to_number(row[columns.bytes]), y = to_number(row[figure_column]);
    const bool other = data_column < row.size() && row[data_column] != data;
    if (other || std::isnan(x) || std::isnan(y)) continue;
    bytes.push_back(x);
    values.push_back(y);
    std::string model;
    for (const auto c : columns.groups) {
      if (c != data_column) model = row[c];
    }
    const auto [place, fresh] = places.emplace(model, series.size());
    if (fresh) series.push_back({model, {}, false, true, series.size()});
    series[place->second].points.push_back({x, y, fmt::format("{}", r + 1),
                                            fmt::format("{} {}: {}, {}", r + 1, row[columns.name],
                                                        figure(x, Unit::bytes), figure(y, unit))});
  }
  if (series.size() == 1) series[0].name.clear();
  const auto label = data.empty() ? table.header[figure_column]
                                  : fmt::format("{}: {}", data, table.header[figure_column]);
  return {Axis("size of the file", Scale::logarithmic, Unit::bytes, bytes),
          Axis(label, Scale::linear, unit, values), std::move(series), 400, 260};
}

std::vector<Chart> charts_of(const ResultTable& table) {
  const auto columns = result_columns(table.header);
  std::size_t data_column = table.header.size();
  for (const auto c : columns.groups) {
    if (table.header[c] == "data") data_column = c;
  }
  std::vector<std::string> sets;
  for (const auto& row : table.rows) {
    const std::string data = data_column < row.size() ? row[data_column] : "";
    if (std::ranges::find(sets, data) == sets.end() && sets.size() < most_charts)
      sets.push_back(data);
  }
  std::vector<Chart> out;
  for (const auto& data : sets) {
    for (const auto column : columns.figures) {
      if (out.size() < most_charts)
        out.push_back(chart_of(table, columns, column, data, data_column));
    }
  }
  std::erase_if(out, [](const Chart& chart) { return chart.series.empty(); });
  return out;
}

std::string table_of(const ResultTable& table) {
  std::vector<Column> columns{{"#", true}};
  std::vector<std::vector<std::string>> rows;
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    const bool numbers = !table.rows.empty() && !std::isnan(to_number(table.rows.back()[c]));
    columns.push_back({table.header[c], numbers});
  }
  for (const auto& row : table.rows) {
    auto& cells = rows.emplace_back();
    cells.push_back(fmt::format("{}", rows.size()));
    for (const auto& field : row) {
      const double value = to_number(field);
      const bool fraction = !std::isnan(value) && field.find('.') != std::string::npos;
      cells.push_back(fraction ? fmt::format("{:.5g}", value) : escape(field));
    }
  }
  return html_table(columns, rows);
}

}  // namespace

std::string results_section(const Findings& findings) {
  std::string out;
  for (std::size_t t = 0; t < std::min(findings.tables.size(), most_tables); ++t) {
    const auto& table = findings.tables[t];
    const auto charts = charts_of(table);
    out += fmt::format("<h3>{}</h3>\n{}{}", escape(table.source),
                       html_figure(charts,
                                   charts.empty() ? "No row has a number of bytes and a figure."
                                                  : "Numbers are rows of the table.",
                                   html_provenance({.source = table.source})),
                       html_fold(fmt::format("All {} rows", table.rows.size()), table_of(table)));
  }
  return out + html_left_out(findings.tables.size(), most_tables, "tables");
}

}  // namespace laconic
