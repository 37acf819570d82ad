// Records of runs: a line of JSON each, added to a file; laconic report reads them.

#pragma once

#include <string>

#include "context.h"

namespace laconic::cli {

/// JSON as text; bytes of file names that are not UTF-8 become U+FFFD. `indent` -1: one line.
[[nodiscard]] std::string dump(const Json& json, int indent);

/// Adds {"laconic": version, "command": [...], "time": ..., "result": `result`} as one line, in one
/// write, to context.record, which is made if it is not there. Throws Error(cannot_write).
void add_to_record(const Context& context, const Json& result);

}  // namespace laconic::cli
