#include "report/json_fields.h"

#include <cmath>

#include "laconic/error.h"

namespace laconic {

const Json* find(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at == json.end() || at->is_null() ? nullptr : &*at;
}

double number(const Json& json, const char* key) {
  const auto* value = find(json, key);
  if (value == nullptr) return no_figure;
  if (!value->is_number()) fail(ErrorCode::invalid_data, "its \"{}\" is not a number", key);
  const auto figure = value->get<double>();
  // Beyond what anything here can amount to, and what pictures can be scaled by.
  return std::abs(figure) < 1e18 ? figure : no_figure;
}

std::int64_t whole(const Json& json, const char* key) {
  const double value = number(json, key);
  return std::isnan(value) ? 0 : static_cast<std::int64_t>(value);
}

std::string text(const Json& json, const char* key) {
  const auto* value = find(json, key);
  if (value == nullptr) return {};
  if (!value->is_string()) fail(ErrorCode::invalid_data, "its \"{}\" is not a text", key);
  return value->get<std::string>();
}

const Json& part(const Json& json, const char* key) {
  static const Json none = Json::object();
  const auto* value = find(json, key);
  if (value == nullptr) return none;
  if (!value->is_object()) fail(ErrorCode::invalid_data, "its \"{}\" is not an object", key);
  return *value;
}

std::vector<const Json*> rows(const Json& json, const char* key) {
  std::vector<const Json*> out;
  const auto* value = find(json, key);
  if (value == nullptr) return out;
  if (!value->is_array()) fail(ErrorCode::invalid_data, "its \"{}\" is not an array", key);
  for (const auto& row : *value) {
    if (!row.is_object()) fail(ErrorCode::invalid_data, "its \"{}\" holds what is no object", key);
    out.push_back(&row);
  }
  return out;
}

std::vector<std::string> words(const Json& json, const char* key) {
  std::vector<std::string> out;
  const auto* value = find(json, key);
  if (value == nullptr) return out;
  if (!value->is_array()) fail(ErrorCode::invalid_data, "its \"{}\" is not an array", key);
  for (const auto& word : *value) {
    if (!word.is_string()) fail(ErrorCode::invalid_data, "its \"{}\" holds what is no text", key);
    out.push_back(word.get<std::string>());
  }
  return out;
}

}  // namespace laconic
