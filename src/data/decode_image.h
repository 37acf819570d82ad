// JPEG and PNG files to pixels.

#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>

#include "data/image_file.h"

namespace laconic {

struct ImageExtent {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// Reads the file to its end without decoding it. Throws Error(invalid_data) naming the file if it
/// is cut short, no image, or larger than 2^26 pixels.
[[nodiscard]] ImageExtent image_extent(const std::filesystem::path& path);

/// Pixels in OpenCV's order: BGR, or gray. The orientation tag of cameras is not applied. Throws as
/// image_extent() does, before anything is decoded, and if the file is damaged.
[[nodiscard]] cv::Mat decode_image(const std::filesystem::path& path, Channels channels);

}  // namespace laconic
