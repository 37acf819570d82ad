// JPEG and PNG files to pixels.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <vector>

#include "data/image_file.h"

namespace laconic {

/// An image file that was read and goes to its end, not decoded yet.
class EncodedImage {
 public:
  /// Throws Error(invalid_data) naming the file if it is cut short, no image or larger than 2^26
  /// pixels.
  explicit EncodedImage(std::filesystem::path path);

  [[nodiscard]] std::int64_t height() const noexcept { return height_; }
  [[nodiscard]] std::int64_t width() const noexcept { return width_; }

  /// Pixels in OpenCV's order: BGR, or gray. The orientation tag of cameras is not applied. Of a
  /// JPEG that is to be made smaller, at least to `height` x `width`, the half, quarter or eighth
  /// that is still as large; else in its own size. Throws Error(invalid_data) if the file is
  /// damaged.
  [[nodiscard]] cv::Mat decode(Channels channels, std::int64_t height, std::int64_t width) const;
  [[nodiscard]] cv::Mat decode(Channels channels) const {
    return decode(channels, height_, width_);
  }

 private:
  std::filesystem::path path_;
  std::vector<std::byte> bytes_;
  std::int64_t height_ = 0, width_ = 0;
};

/// Mean values of areas where it becomes smaller, else between pixels; on the calling thread.
[[nodiscard]] cv::Mat resized(const cv::Mat& image, cv::Size size, bool smaller);

}  // namespace laconic
