// A damage table kept in a file beside the run: measuring what tensors bear takes far longer than
// any allocator.

#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "laconic/allocator.h"

namespace laconic {

/// The table in `path`, or what `measure` gives, which is then kept there. `what` says what the
/// table is of, in one line. Throws Error(invalid_argument) if the file is of something else,
/// Error(corrupt_data) naming the line if it is not what was written, Error(cannot_write).
[[nodiscard]] std::vector<TensorChoices> kept_table(
    const std::filesystem::path& path, const std::string& what,
    const std::function<std::vector<TensorChoices>()>& measure);

}  // namespace laconic
