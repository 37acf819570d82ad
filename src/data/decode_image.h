// JPEG and PNG files to pixels.

#pragma once

#include <filesystem>
#include <opencv2/core.hpp>

#include "data/image_file.h"

namespace laconic {

/// Pixels in OpenCV's order: BGR, or gray. The orientation tag of cameras is not applied. Throws
/// Error(invalid_data) naming the file if it is cut short, no image or larger than 2^26 pixels,
/// before anything is decoded, and if it is damaged.
[[nodiscard]] cv::Mat decode_image(const std::filesystem::path& path, Channels channels);

}  // namespace laconic
