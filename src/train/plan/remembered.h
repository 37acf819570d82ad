// What plans were measured to be worth, kept in a file: a search that was broken off is continued
// by doing it again, as every plan it tried before is answered at once.

#pragma once

#include <filesystem>
#include <string>

#include "laconic/policy_gradient.h"

namespace laconic {

/// `quality`, with its answers kept in `path`: a line that says what they are of, then a line for
/// each plan. Throws Error(invalid_argument) if the file is of something else, Error(corrupt_data)
/// naming the line if it is not what was written, Error(cannot_write). A last line that was cut off
/// is measured again.
[[nodiscard]] PlanQuality remembered(PlanQuality quality, const std::filesystem::path& path,
                                     const std::string& what);

}  // namespace laconic
