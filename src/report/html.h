// The few forms that a report's page is made of. Their arguments are markup: what was read passes
// through escape() before.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/chart.h"
#include "report/findings.h"

namespace laconic {

struct Column {
  std::string_view name;
  bool number = false;  ///< Set flush right.
};

/// Rows of as many cells as there are columns; the first `most` are shown, less columns that are
/// empty throughout.
[[nodiscard]] std::string html_table(std::span<const Column> columns,
                                     std::span<const std::vector<std::string>> rows,
                                     std::size_t most = 500);

/// Folded away, under a summary.
[[nodiscard]] std::string html_fold(std::string_view summary, std::string_view body);

/// Charts side by side where there is room, with what they come from below.
[[nodiscard]] std::string html_figure(std::span<const Chart> charts, std::string_view note,
                                      std::string_view provenance);

/// Source, version, seed, data, time and command: what was recorded of them.
[[nodiscard]] std::string html_provenance(const Provenance& from);

/// A bar of that share of a cell's width, 0 to 1.
[[nodiscard]] std::string html_bar(double share, std::size_t color);

/// "lenet5.lac" of "runs/a/lenet5.lac".
[[nodiscard]] std::string file_name(const std::string& path);

/// One sentence where there are more things than a section shows; else nothing.
[[nodiscard]] std::string html_left_out(std::size_t all, std::size_t shown, std::string_view what);

}  // namespace laconic
