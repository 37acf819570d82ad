#include "data/image_file.h"

#include <cmath>

#include "data/decode_image.h"
#include "laconic/error.h"

namespace laconic {
namespace {

/// Scales the shorter side to form.resize, then cuts form.size x form.size from the middle.
cv::Mat fit(const cv::Mat& image, const ImageForm& form) {
  const double factor = static_cast<double>(form.resize) / std::min(image.rows, image.cols);
  const auto scaled = [&](int side) {
    return std::max(static_cast<int>(form.resize), static_cast<int>(std::lround(side * factor)));
  };
  const cv::Mat out = resized(image, {scaled(image.cols), scaled(image.rows)}, factor < 1);
  const int size = static_cast<int>(form.size);
  return out(cv::Rect((out.cols - size) / 2, (out.rows - size) / 2, size, size));
}

}  // namespace

void read_image(const std::filesystem::path& path, const ImageForm& form, std::span<float> out) {
  cv::Mat image;
  try {
    image = fit(EncodedImage(path).decode(form.channels), form);
  } catch (const cv::Exception& error) {
    fail(ErrorCode::invalid_data, "the image \"{}\" cannot be decoded: {}", path.string(),
         error.err);
  }
  const int channels = image.channels();
  std::size_t to = 0;
  for (int c = 0; c < channels; ++c) {
    const int from =
        form.channels == Channels::rgb ? channels - 1 - c : c;  // OpenCV decodes to BGR.
    for (int y = 0; y < image.rows; ++y) {
      const auto* row = image.ptr<std::uint8_t>(y);
      for (int x = 0; x < image.cols; ++x) out[to++] = row[x * channels + from];
    }
  }
}

}  // namespace laconic
