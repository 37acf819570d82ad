// Precision against recall as a picture.

#pragma once

#include <span>
#include <string>

#include "laconic/detection.h"

namespace laconic {

/// The curves at IoU 0.5, one for each class with objects, as SVG. `names` has one for each class.
[[nodiscard]] std::string draw_precision_curves(std::span<const JudgedImage> images,
                                                std::span<const std::string> names);

}  // namespace laconic
