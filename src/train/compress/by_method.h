// One file by a method that was asked for, in place of the search.

#pragma once

#include "train/compress/workshop.h"

namespace laconic {

/// Follows the method of the options along their plan, or a plan of all weight matrices with their
/// quantizer and granularity: for their epochs, taught by the float network, and then to the end.
/// Nothing is compensated or recalibrated. Throws Error(invalid_argument) as make_method() does,
/// and where there is no weight matrix.
[[nodiscard]] Candidate by_method(const Workshop& workshop);

}  // namespace laconic
