#include "core/json.h"

#include "laconic/error.h"

namespace laconic {
namespace {

constexpr int deepest = 32;

/// What would not be freed or copied without a deep stack is not built. (The parser's own callback
/// would tell depths, too, but makes parsing quadratic in the length of arrays.)
void check_depth(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      if (++depth > deepest)
        fail(ErrorCode::invalid_data, "it nests deeper than {} levels", deepest);
    } else if (!quoted && (c == '}' || c == ']')) {
      --depth;
    }
  }
}

}  // namespace

Json parse_json(std::string_view text) {
  check_depth(text);
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    const std::string_view what = error.what();  // "[json.exception.parse_error.101] parse ..."
    fail(ErrorCode::invalid_data, "it is no JSON: {}", what.substr(what.find("] ") + 2));
  }
}

}  // namespace laconic
