// Tables of results, as experiments leave them: a row per run, with its bytes and what it reaches.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/findings.h"

namespace laconic {

/// What the columns of such a table are.
struct ResultColumns {
  std::size_t bytes = 0, name = 0;
  std::vector<std::size_t> figures;  ///< Accuracies, errors, losses: one at least.
  std::vector<std::size_t> groups;   ///< Data set, model.
};

/// Throws Error(invalid_data) for text that is no table with a column "bytes" beside one of a
/// figure, or that has a row which is longer or shorter than the first.
[[nodiscard]] ResultTable result_table(std::string_view text, std::string source);

[[nodiscard]] ResultColumns result_columns(const std::vector<std::string>& header);

/// The finite number that is all of `text`, within 1e18 of zero; else NaN.
[[nodiscard]] double to_number(std::string_view text);

}  // namespace laconic
