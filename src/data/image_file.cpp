#include "data/image_file.h"

#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::int64_t most_pixels = std::int64_t{1} << 26;

struct Extent {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// Big-endian numbers at a place that the caller knows to be there.
std::int64_t number(std::string_view bytes, std::size_t at, std::size_t width) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < width; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Walks a file to its end mark: decoders make up what a cut file lacks. Nothing if it is not
/// there.
std::optional<Extent> walk_png(std::string_view file) {
  std::optional<Extent> extent;
  for (std::size_t at = 8; file.size() - at >= 12;) {
    const auto length = number(file, at, 4);
    const auto kind = file.substr(at + 4, 4);
    if (static_cast<std::size_t>(length) > file.size() - at - 12) return {};
    if (kind == "IHDR" && length >= 8) extent = {number(file, at + 12, 4), number(file, at + 8, 4)};
    if (kind == "IEND") return extent;
    at += 12 + static_cast<std::size_t>(length);
  }
  return {};
}

std::optional<Extent> walk_jpeg(std::string_view file) {
  std::optional<Extent> extent;
  for (std::size_t at = 2; at + 2 <= file.size();) {
    const auto mark = static_cast<unsigned char>(file[at + 1]);
    // Between marks lie coded pixels, in which ff is followed by 00 or a restart mark d0 to d7.
    if (file[at] != '\xff' || mark == 0x00 || (mark >= 0xd0 && mark <= 0xd7)) {
      ++at;
      continue;
    }
    if (mark == 0xd9) return extent;
    if (mark == 0xff) {  // Padding before a mark.
      ++at;
      continue;
    }
    if (at + 4 > file.size()) return {};
    const auto length = static_cast<std::size_t>(number(file, at + 2, 2));
    if (length < 2 || length > file.size() - at - 2) return {};
    const bool frame = mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 && mark != 0xc8 && mark != 0xcc;
    if (frame && length >= 7) extent = {number(file, at + 5, 2), number(file, at + 7, 2)};
    at += 2 + length;
  }
  return {};
}

cv::Mat decode(const std::filesystem::path& path, Channels channels) {
  const auto bytes = read_file(path);
  const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool png = file.starts_with("\x89PNG\r\n\x1a\n");
  if (!png && !file.starts_with("\xff\xd8")) {
    fail(ErrorCode::invalid_data, "\"{}\" is neither a JPEG nor a PNG image", path.string());
  }
  const auto extent = png ? walk_png(file) : walk_jpeg(file);
  if (!extent)
    fail(ErrorCode::invalid_data, "the image \"{}\" is cut short or damaged", path.string());
  if (extent->height < 1 || extent->width < 1 || extent->height > most_pixels / extent->width) {
    fail(ErrorCode::invalid_data, "the image \"{}\" has {}x{} pixels, but must have 1 to {}",
         path.string(), extent->width, extent->height, most_pixels);
  }
  const cv::Mat view(1, static_cast<int>(file.size()), CV_8U, const_cast<char*>(file.data()));
  const int mode = channels == Channels::gray ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR;
  cv::Mat image = cv::imdecode(view, mode | cv::IMREAD_IGNORE_ORIENTATION);
  if (image.empty()) fail(ErrorCode::invalid_data, "the image \"{}\" is damaged", path.string());
  return image;
}

/// Scales the shorter side to form.resize, then cuts form.size x form.size from the middle.
cv::Mat fit(const cv::Mat& image, const ImageForm& form) {
  const double factor = static_cast<double>(form.resize) / std::min(image.rows, image.cols);
  const auto scaled = [&](int side) {
    return std::max(static_cast<int>(form.resize), static_cast<int>(std::lround(side * factor)));
  };
  cv::Mat out;
  cv::resize(image, out, {scaled(image.cols), scaled(image.rows)}, 0, 0,
             factor < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  const int size = static_cast<int>(form.size);
  return out(cv::Rect((out.cols - size) / 2, (out.rows - size) / 2, size, size));
}

}  // namespace

void read_image(const std::filesystem::path& path, const ImageForm& form, std::span<float> out) {
  cv::Mat image;
  try {
    image = fit(decode(path, form.channels), form);
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
