#include "data/decode_image.h"

#include <turbojpeg.h>

#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string_view>

#include "core/atomic_file.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::int64_t most_pixels = std::int64_t{1} << 26;
constexpr std::string_view jpeg_start = "\xff\xd8";

struct ImageExtent {
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
std::optional<ImageExtent> walk_png(std::string_view file) {
  std::optional<ImageExtent> extent;
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

std::optional<ImageExtent> walk_jpeg(std::string_view file) {
  std::optional<ImageExtent> extent;
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

/// Before anything is decoded, and memory taken.
ImageExtent checked_extent(const std::filesystem::path& path, std::string_view file) {
  const bool png = file.starts_with("\x89PNG\r\n\x1a\n");
  if (!png && !file.starts_with(jpeg_start)) {
    fail(ErrorCode::invalid_data, "\"{}\" is neither a JPEG nor a PNG image", path.string());
  }
  const auto extent = png ? walk_png(file) : walk_jpeg(file);
  if (!extent)
    fail(ErrorCode::invalid_data, "the image \"{}\" is cut short or damaged", path.string());
  if (extent->height < 1 || extent->width < 1 || extent->height > most_pixels / extent->width) {
    fail(ErrorCode::invalid_data, "the image \"{}\" has {}x{} pixels, but must have 1 to {}",
         path.string(), extent->width, extent->height, most_pixels);
  }
  return *extent;
}

std::string_view text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct EndJpeg {
  void operator()(void* handle) const { tjDestroy(handle); }
};

/// The least of a JPEG's eighth, quarter, half and whole that is as large as asked for.
tjscalingfactor scale_for(int height, int width, std::int64_t least_height,
                          std::int64_t least_width) {
  for (const int parts : {8, 4, 2}) {
    const tjscalingfactor scale{1, parts};
    if (TJSCALED(height, scale) >= least_height && TJSCALED(width, scale) >= least_width)
      return scale;
  }
  return {1, 1};
}

/// In its own size the pixels that OpenCV makes of it, in half the time; nothing for what TurboJPEG
/// leaves to OpenCV: colours of printers, and files that it cannot read.
cv::Mat decode_jpeg(const std::filesystem::path& path, std::string_view file,
                    const ImageExtent& extent, Channels channels, std::int64_t least_height,
                    std::int64_t least_width) {
  const std::unique_ptr<void, EndJpeg> jpeg(tjInitDecompress());
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  int width = 0, height = 0, sampling = 0, colours = 0;
  if (!jpeg || tjDecompressHeader3(jpeg.get(), bytes, file.size(), &width, &height, &sampling,
                                   &colours) != 0)
    return {};
  // Not as many pixels as were found few enough.
  if (height != extent.height || width != extent.width)
    fail(ErrorCode::invalid_data, "the image \"{}\" is damaged", path.string());
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) return {};
  const auto scale = scale_for(height, width, least_height, least_width);
  const bool gray = channels == Channels::gray;
  cv::Mat image(TJSCALED(height, scale), TJSCALED(width, scale), gray ? CV_8UC1 : CV_8UC3);
  const int status = tjDecompress2(jpeg.get(), bytes, file.size(), image.data, image.cols,
                                   static_cast<int>(image.step), image.rows,
                                   gray ? TJPF_GRAY : TJPF_BGR, TJFLAG_ACCURATEDCT);
  // Decoders warn of stray bytes that cameras leave, and go on.
  if (status != 0 && tjGetErrorCode(jpeg.get()) == TJERR_FATAL) return {};
  return image;
}

}  // namespace

EncodedImage::EncodedImage(std::filesystem::path path)
    : path_(std::move(path)), bytes_(read_file(path_)) {
  const auto extent = checked_extent(path_, text_of(bytes_));
  height_ = extent.height;
  width_ = extent.width;
}

cv::Mat EncodedImage::decode(Channels channels, std::int64_t height, std::int64_t width) const {
  const auto file = text_of(bytes_);
  if (file.starts_with(jpeg_start)) {
    if (auto image = decode_jpeg(path_, file, {height_, width_}, channels, height, width);
        !image.empty())
      return image;
  }
  const cv::Mat view(1, static_cast<int>(file.size()), CV_8U, const_cast<char*>(file.data()));
  const int mode = channels == Channels::gray ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR;
  cv::Mat image;
  try {
    image = cv::imdecode(view, mode | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& error) {
    fail(ErrorCode::invalid_data, "the image \"{}\" cannot be decoded: {}", path_.string(),
         error.err);
  }
  if (image.empty()) fail(ErrorCode::invalid_data, "the image \"{}\" is damaged", path_.string());
  return image;
}

cv::Mat resized(const cv::Mat& image, cv::Size size, bool smaller) {
  // Images are read in parallel as it is.
  static const bool alone = [] {
    cv::setNumThreads(1);
    return true;
  }();
  (void)alone;
  cv::Mat out;
  cv::resize(image, out, size, 0, 0, smaller ? cv::INTER_AREA : cv::INTER_LINEAR);
  return out;
}

}  // namespace laconic
