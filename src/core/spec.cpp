#include "laconic/spec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/nearest.h"
#include "laconic/error.h"

namespace laconic {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// Numbers end up as floats, or times floats.
bool is_float(double value) {
  return std::abs(value) <= double{std::numeric_limits<float>::max()};
}

std::optional<double> plain_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !is_float(value)) return {};
  return value;
}

std::optional<double> number_or_quotient(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return plain_number(text);
  const auto above = plain_number(text.substr(0, slash)),
             below = plain_number(text.substr(slash + 1));
  if (!above || !below || *below == 0 || !is_float(*above / *below)) return {};
  return *above / *below;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

bool in_range(std::string_view value, std::string_view range) {
  if (range == "text") return true;
  if (range == "list") {
    const auto parts = split(value, '/');
    return std::all_of(parts.begin(), parts.end(),
                       [](auto part) { return plain_number(part).has_value(); });
  }
  if (range.starts_with(">=")) {
    const auto number = number_or_quotient(value);
    return number && *number >= plain_number(range.substr(2)).value();
  }
  if (range.starts_with(">")) {
    const auto number = number_or_quotient(value);
    return number && *number > plain_number(range.substr(1)).value();
  }
  if (const auto dots = range.find(".."); dots != std::string_view::npos) {
    const auto space = range.find(' ');
    const auto low = plain_number(range.substr(0, dots)).value();
    const auto high = plain_number(range.substr(dots + 2, space - dots - 2)).value();
    if (space == std::string_view::npos) {
      const auto number = whole_number(value);
      return number && static_cast<double>(*number) >= low && static_cast<double>(*number) <= high;
    }
    const auto number = number_or_quotient(value);
    return number && *number >= low && *number <= high;
  }
  const auto words = split(range, '|');
  return std::find(words.begin(), words.end(), value) != words.end();
}

}  // namespace

std::string_view spec_name(std::string_view spec) noexcept {
  return spec.substr(0, spec.find(':'));
}

double parse_number(std::string_view what, std::string_view text) {
  const auto value = number_or_quotient(text);
  if (!value)
    fail(ErrorCode::invalid_argument, "{} is \"{}\", which is not a finite number", what, text);
  return *value;
}

std::string print_number(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

Options parse_spec(std::string_view family, std::string_view spec,
                   std::span<const MemberInfo> members) {
  const auto name = spec_name(spec);
  const auto row =
      std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.name == name; });
  if (row == members.end()) {
    std::vector<std::string_view> names;
    for (const auto& member : members) names.push_back(member.name);
    fail(ErrorCode::invalid_argument, "unknown {} \"{}\"; valid, nearest first: {}", family, name,
         nearest_first(name, names));
  }

  Options options;
  options.member_ = &*row;
  const bool bare_allowed = std::any_of(row->options.begin(), row->options.end(),
                                        [](const auto& option) { return option.key.empty(); });
  if (spec.size() > name.size() + 1) {
    bool first = true;
    for (const auto item : split(spec.substr(name.size() + 1), ',')) {
      const auto equals = item.find('=');
      const bool bare = equals == std::string_view::npos && first && bare_allowed;
      const auto key = bare ? std::string_view{} : item.substr(0, equals);
      const auto value = bare                               ? item
                         : equals == std::string_view::npos ? ""
                                                            : item.substr(equals + 1);
      first = false;
      const auto option =
          std::find_if(row->options.begin(), row->options.end(),
                       [&](const auto& o) { return o.key == key && (bare || !o.key.empty()); });
      if (option == row->options.end()) {
        std::vector<std::string_view> keys;
        for (const auto& o : row->options) {
          if (!o.key.empty()) keys.push_back(o.key);
        }
        if (keys.empty())
          fail(ErrorCode::invalid_argument, "{} \"{}\" takes no option, but got \"{}\"", family,
               name, item);
        fail(ErrorCode::invalid_argument,
             "{} \"{}\" has no option \"{}\"; valid, nearest first: {}", family, name, key,
             nearest_first(key, keys));
      }
      if (!in_range(value, option->range)) {
        fail(ErrorCode::invalid_argument, "{} \"{}\": {} is \"{}\", but must be {}{}", family, name,
             bare ? "its value" : key, value, option->range,
             option->range.starts_with('>') ? ", as a float holds it" : "");
      }
      if (!options.values_.emplace(key, value).second) {
        fail(ErrorCode::invalid_argument, "{} \"{}\": {} is given twice", family, name, key);
      }
    }
  }
  for (const auto& option : row->options) {
    if (options.values_.contains(option.key)) continue;
    if (option.default_value == "required") {
      fail(ErrorCode::invalid_argument, "{} \"{}\" needs {}: {}", family, name,
           option.key.empty() ? "a value after the colon" : option.key, option.summary);
    }
    options.values_.emplace(option.key, option.default_value);
  }
  return options;
}

const std::string& Options::text(std::string_view key) const {
  return values_.find(key)->second;
}

std::int64_t Options::integer(std::string_view key) const {
  return whole_number(text(key)).value();
}

double Options::number(std::string_view key) const {
  return number_or_quotient(text(key)).value();
}

bool Options::flag(std::string_view key) const {
  return text(key) == "true";
}

std::vector<double> Options::numbers(std::string_view key) const {
  std::vector<double> values;
  if (text(key).empty()) return values;
  for (const auto part : split(text(key), '/')) values.push_back(plain_number(part).value());
  return values;
}

std::string Options::spec() const {
  std::string out(member_->name);
  char separator = ':';
  for (const auto& option : member_->options) {
    const auto& value = text(option.key);
    out += separator;
    if (!option.key.empty()) out.append(option.key).append("=");
    out += value;
    separator = ',';
  }
  return out;
}

}  // namespace laconic
