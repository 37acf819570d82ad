#include "laconic/plan.h"

#include <algorithm>
#include <iterator>

#include "laconic/coder.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::string_view blanks = " \t\r";

/// Takes the next word off the front of `line`; in quotes it may hold anything. False at the end.
bool take_word(std::string_view& line, std::string& word) {
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  word.clear();
  if (line.empty() || line[0] == '#') return false;
  if (line[0] != '"') {
    const auto end = std::min(line.find_first_of(" \t\r#"), line.size());
    word = line.substr(0, end);
    line.remove_prefix(end);
    return true;
  }
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '"') {
      line.remove_prefix(i + 1);
      return true;
    }
    const bool escaped = line[i] == '\\' && i + 1 < line.size();
    if (escaped) ++i;
    word += escaped && line[i] == 'n' ? '\n' : line[i];
  }
  fail(ErrorCode::invalid_argument, "a quoted name does not end on its line");
}

void set_column(PlanRow& row, std::string_view word) {
  const auto equals = word.find('=');
  const auto key = word.substr(0, equals);
  const auto value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
  if (key == "granularity") {
    row.granularity = parse_granularity(value);
  } else if (key == "zeros") {
    if (value != "free" && value != "keep") {
      fail(ErrorCode::invalid_argument, "zeros is \"{}\", but must be free or keep", value);
    }
    row.zeros = value == "keep" ? Zeros::keep : Zeros::free;
  } else if (key == "coder") {
    if (value.empty()) fail(ErrorCode::invalid_argument, "coder names no coder");
    row.coder = value;
  } else {
    fail(ErrorCode::invalid_argument, "\"{}\" is not one of granularity=, zeros=, coder=", word);
  }
}

/// False if the line holds nothing but blanks and comment.
bool parse_row(std::string_view line, PlanRow& row) {
  if (!take_word(line, row.tensors)) return false;
  if (row.tensors.empty()) fail(ErrorCode::invalid_argument, "the name of the tensors is empty");
  if (!take_word(line, row.quantizer)) {
    fail(ErrorCode::invalid_argument, "no quantizer follows \"{}\"", row.tensors);
  }
  (void)make_quantizer(row.quantizer);
  for (std::string word; take_word(line, word);) set_column(row, word);
  check_coder(row.coder, row.quantizer);
  return true;
}

std::string quoted(std::string_view name) {
  if (!name.empty() && name.find_first_of(" \t\r\n\"#") == std::string_view::npos)
    return std::string(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\' || c == '\n') out += '\\';
    out += c == '\n' ? 'n' : c;
  }
  return out + '"';
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) noexcept {
  // Where the last star stood, and how much of the name it has taken so far.
  auto star = std::string_view::npos;
  std::size_t p = 0, n = 0, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

const PlanRow* row_for(const Plan& plan, std::string_view tensor) noexcept {
  const auto row = std::find_if(plan.begin(), plan.end(),
                                [&](const PlanRow& r) { return matches(r.tensors, tensor); });
  return row == plan.end() ? nullptr : &*row;
}

Plan parse_plan(std::string_view text) {
  Plan plan;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    try {
      PlanRow row;
      if (parse_row(text.substr(0, end), row)) plan.push_back(std::move(row));
    } catch (const Error& error) {
      fail(error.code(), "line {} of the plan: {}", number, error.what());
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return plan;
}

std::string print_plan(const Plan& plan) {
  std::string text;
  for (const auto& row : plan) {
    fmt::format_to(std::back_inserter(text), "{} {}", quoted(row.tensors), row.quantizer);
    if (row.granularity != Granularity{}) {
      fmt::format_to(std::back_inserter(text), " granularity={}",
                     print_granularity(row.granularity));
    }
    if (row.zeros == Zeros::keep) text += " zeros=keep";
    if (row.coder != "auto") fmt::format_to(std::back_inserter(text), " coder={}", row.coder);
    text += '\n';
  }
  return text;
}

}  // namespace laconic
