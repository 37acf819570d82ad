#include "report/csv.h"

#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::size_t most_fields = 256;

/// Takes one field off the front; `text` then begins with what ended it.
std::string take_field(std::string_view& text, std::size_t row) {
  std::string field;
  bool quoted = false;
  while (!text.empty()) {
    const char c = text[0];
    if (c == '"' && quoted && text.size() > 1 && text[1] == '"') {
      field += '"';
      text.remove_prefix(2);
      continue;
    }
    if (c == '"' && (quoted || field.empty())) {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '\n')) {
      break;
    } else if (quoted || c != '\r') {
      field += c;
    }
    text.remove_prefix(1);
  }
  if (quoted) fail(ErrorCode::invalid_data, "a quote in row {} is not closed", row);
  return field;
}

}  // namespace

std::vector<std::vector<std::string>> read_csv(std::string_view text, std::size_t most_rows) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::vector<std::string>> rows;
  while (!text.empty()) {
    if (rows.size() == most_rows)
      fail(ErrorCode::invalid_data, "it has more than {} rows", most_rows);
    auto& row = rows.emplace_back();
    for (bool more = true; more;) {
      if (row.size() == most_fields) {
        fail(ErrorCode::invalid_data, "row {} has more than {} fields", rows.size(), most_fields);
      }
      row.push_back(take_field(text, rows.size()));
      more = !text.empty() && text[0] == ',';
      if (!text.empty()) text.remove_prefix(1);
    }
    if (row.size() == 1 && row[0].empty()) rows.pop_back();  // An empty line.
  }
  return rows;
}

}  // namespace laconic
