// Words that were meant, for messages about a word that is unknown.

#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace laconic {

/// The valid words, the one most like `word` first: "a, b, c", or "a, b and 7 more" of at most so
/// many that are told.
[[nodiscard]] std::string nearest_first(std::string_view word, std::vector<std::string_view> valid,
                                        std::size_t most = std::numeric_limits<std::size_t>::max());

}  // namespace laconic
