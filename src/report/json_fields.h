// Fields of JSON objects that anybody may have written. What is of another kind than it must be
// throws Error(invalid_data), which names the field; what is left out, or null, is none.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "report/findings.h"

namespace laconic {

/// Null if there is none.
[[nodiscard]] const Json* find(const Json& json, const char* key);

/// NaN if there is none, as JSON has no NaN, and for numbers of 1e18 or more.
[[nodiscard]] double number(const Json& json, const char* key);

/// Towards zero; 0 if there is none.
[[nodiscard]] std::int64_t whole(const Json& json, const char* key);

[[nodiscard]] std::string text(const Json& json, const char* key);
[[nodiscard]] const Json& part(const Json& json, const char* key);

/// The objects of an array; as long as `json` lives.
[[nodiscard]] std::vector<const Json*> rows(const Json& json, const char* key);
[[nodiscard]] std::vector<std::string> words(const Json& json, const char* key);

}  // namespace laconic
