// JSON that anybody may have written.

#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace laconic {

using Json = nlohmann::json;  // Not the ordered one, whose objects take quadratic time to fill.

/// Throws Error(invalid_data) for text that is no JSON, or that nests deeper than 32 levels.
[[nodiscard]] Json parse_json(std::string_view text);

}  // namespace laconic
