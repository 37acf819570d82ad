#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/human.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::size_t most_sources = 200;

std::string milliseconds(double time) {
  return std::isfinite(time) ? fmt::format("{:.3f} ms", time) : "–";
}

std::string samples(double rate) {
  return std::isfinite(rate) ? grouped(static_cast<std::int64_t>(rate)) : "–";
}

std::string times(double ratio) {
  return std::isfinite(ratio) ? fmt::format("{:.2f}x", ratio) : "–";
}

/// Bars are of single runs, against the slowest.
double slowest(const Findings& findings) {
  double out = 0;
  for (const auto& speed : findings.speeds) {
    out = std::max(out, std::isfinite(speed.one) ? speed.one : 0);
    for (const auto& form : speed.forms)
      out = std::max(out, std::isfinite(form.one) ? form.one : 0);
  }
  return out;
}

void add_rows(const Speed& speed, double slowest_time,
              std::vector<std::vector<std::string>>& rows) {
  const auto kernels = speed.isa.empty()
                           ? escape(speed.kernels)
                           : fmt::format("{}, {}", escape(speed.kernels), escape(speed.isa));
  rows.push_back({escape(file_name(speed.file)), kernels, fmt::format("{}", speed.threads),
                  milliseconds(speed.one), html_bar(speed.one / slowest_time, 0),
                  milliseconds(speed.one_p99), samples(speed.per_second),
                  fmt::format("{}", speed.batch), "", "", milliseconds(speed.load),
                  figure(speed.weight_bytes, Unit::bytes), figure(speed.peak_bytes, Unit::bytes)});
  for (const auto& form : speed.forms) {
    rows.push_back({"", fmt::format("{}, {}", escape(speed.rival), escape(form.form)), "",
                    milliseconds(form.one), html_bar(form.one / slowest_time, 1), "", "", "",
                    times(form.ratio_one), times(form.ratio_many), "", "", ""});
  }
}

}  // namespace

std::string speed_section(const Findings& findings) {
  if (findings.speeds.empty()) return {};
  constexpr std::array columns{Column{"model"},
                               Column{"kernels"},
                               Column{"threads", true},
                               Column{"batch 1", true},
                               Column{""},
                               Column{"p99", true},
                               Column{"samples/s", true},
                               Column{"batch", true},
                               Column{"time over ours, batch 1", true},
                               Column{"batched", true},
                               Column{"load", true},
                               Column{"weights", true},
                               Column{"process", true}};
  std::vector<std::vector<std::string>> rows;
  std::string sources;
  const double slowest_time = slowest(findings);
  for (std::size_t s = 0; s < findings.speeds.size(); ++s) {
    const auto& speed = findings.speeds[s];
    add_rows(speed, slowest_time, rows);
    if (s < most_sources)
      sources += fmt::format("<p><b>{}</b></p>\n{}", escape(file_name(speed.file)),
                             html_provenance(speed.from));
  }
  return html_table(columns, rows) + html_fold("Where these figures come from", sources);
}

}  // namespace laconic
