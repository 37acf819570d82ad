#include "report/results.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "laconic/error.h"
#include "report/csv.h"

namespace laconic {
namespace {

constexpr std::size_t most_rows = 20'000;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

/// Whether a column of that name says how good a network is.
bool is_figure(const std::string& name) {
  constexpr std::array<std::string_view, 8> signs{"accuracy", "map",  "ap50", "test",
                                                  "error",    "loss", "nats", "after"};
  return std::ranges::any_of(signs,
                             [&](auto sign) { return name.find(sign) != std::string::npos; });
}

}  // namespace

ResultColumns result_columns(const std::vector<std::string>& header) {
  ResultColumns out;
  bool has_bytes = false, has_name = false;
  for (std::size_t c = 0; c < header.size(); ++c) {
    const auto name = lower(header[c]);
    if (name == "bytes" && !has_bytes) {
      out.bytes = c;
      has_bytes = true;
    } else if (name == "data" || name == "model") {
      out.groups.push_back(c);
    } else if (is_figure(name)) {
      out.figures.push_back(c);
    } else if (!has_name) {
      out.name = c;
      has_name = true;
    }
  }
  if (!has_bytes || out.figures.empty()) {
    fail(ErrorCode::invalid_data,
         "it is no table of results: it must have a column \"bytes\" and one of accuracies, mAP, "
         "errors or losses");
  }
  return out;
}

ResultTable result_table(std::string_view text, std::string source) {
  auto rows = read_csv(text, most_rows);
  if (rows.empty()) fail(ErrorCode::invalid_data, "it is empty");
  ResultTable table{std::move(source), std::move(rows[0]), {}};
  (void)result_columns(table.header);
  for (std::size_t r = 1; r < rows.size(); ++r) {
    if (rows[r].size() != table.header.size()) {
      fail(ErrorCode::invalid_data, "row {} has {} fields, but the first has {}", r + 1,
           rows[r].size(), table.header.size());
    }
    table.rows.push_back(std::move(rows[r]));
  }
  return table;
}

double to_number(std::string_view text) {
  double value = no_figure;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool all = error == std::errc() && end == text.data() + text.size();
  return all && std::abs(value) < 1e18 ? value : no_figure;
}

}  // namespace laconic
