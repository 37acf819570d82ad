#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "report/markup.h"

namespace laconic {
namespace {

/// Of a chart that has a page's width for itself.
constexpr double lone_width = 900;

}  // namespace

std::string html_table(std::span<const Column> columns,
                       std::span<const std::vector<std::string>> rows, std::size_t most) {
  const auto mark = [&](std::size_t c) { return columns[c].number ? " class=\"n\"" : ""; };
  std::vector<std::size_t> used;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto says = [&](const auto& row) { return !row[c].empty(); };
    if (rows.empty() || std::ranges::any_of(rows, says)) used.push_back(c);
  }
  std::string out = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const auto c : used) out += fmt::format("<th{}>{}</th>", mark(c), escape(columns[c].name));
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows.first(std::min(rows.size(), most))) {
    out += "<tr>";
    for (const auto c : used) out += fmt::format("<td{}>{}</td>", mark(c), row[c]);
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n" + html_left_out(rows.size(), most, "rows");
}

std::string html_fold(std::string_view summary, std::string_view body) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", summary, body);
}

std::string html_figure(std::span<const Chart> charts, std::string_view note,
                        std::string_view provenance) {
  std::string out = "<figure>\n<div class=\"charts\">\n";
  for (Chart chart : charts) {
    if (charts.size() == 1) chart.width = lone_width;
    out += draw(chart);
  }
  out += "</div>\n<figcaption>";
  if (!note.empty()) out += fmt::format("<p>{}</p>\n", note);
  return out + fmt::format("{}</figcaption>\n</figure>\n", provenance);
}

std::string html_provenance(const Provenance& from) {
  std::string facts = escape(from.source);
  if (from.line > 0) facts += fmt::format(", line {}", from.line);
  const auto add = [&](std::string_view what, const std::string& text) {
    if (!text.empty())
      facts += fmt::format("{}{}{}", facts.empty() ? "" : " · ", what, escape(text));
  };
  add("laconic ", from.version);
  add("data ", from.data);
  add("seed ", from.seed);
  add("", from.time);
  std::string out = fmt::format("<p class=\"from\">{}</p>\n", facts);
  if (!from.command.empty())
    out += fmt::format("<pre class=\"from\">$ {}</pre>\n", escape(from.command, 2000));
  return out;
}

std::string html_bar(double share, std::size_t color) {
  const double width = std::isfinite(share) ? 120 * std::clamp(share, 0.0, 1.0) : 0;
  return fmt::format(
      "<svg class=\"bar\" width=\"120\" height=\"10\" viewBox=\"0 0 120 10\"><rect class=\"f{}\" "
      "width=\"{:.1f}\" height=\"10\" fill=\"{}\"/></svg>",
      color % chart_colors, width, chart_color(color));
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string html_left_out(std::size_t all, std::size_t shown, std::string_view what) {
  if (all <= shown) return {};
  return fmt::format("<p class=\"from\">The first {} of {} {} are shown.</p>\n", shown, all, what);
}

}  // namespace laconic
