// Records: what a verb's --json prints, alone or as --record keeps it, with its command line.

#pragma once

#include <cstddef>
#include <string_view>

#include "report/findings.h"

namespace laconic {

/// Takes the JSON text of one record in, which stands in that line of `source` (0: is all of it).
/// Throws Error(invalid_data) with the reason, and takes nothing in, for text that is no JSON or
/// nests deeper than 32 levels, that is no record, or whose figures are not of the kind they must
/// be.
void add_record(std::string_view text, std::string_view source, std::size_t line,
                Findings& findings);

}  // namespace laconic
