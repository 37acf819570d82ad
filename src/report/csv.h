// Tables of comma-separated values (RFC 4180).

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace laconic {

/// Rows of fields; the last line need not end. Throws Error(invalid_data) for a quote that is not
/// closed, and for more than `most_rows` rows or 256 fields in a row.
[[nodiscard]] std::vector<std::vector<std::string>> read_csv(std::string_view text,
                                                             std::size_t most_rows);

}  // namespace laconic
