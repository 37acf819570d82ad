#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <ranges>

#include "core/atomic_file.h"
#include "data/decode_image.h"
#include "laconic/detection_data.h"
#include "laconic/error.h"

namespace laconic {
namespace {

/// Easy to tell apart for most eyes: Okabe and Ito's, as BGR.
const std::array<cv::Scalar, 7> colors{cv::Scalar(0, 94, 213),  cv::Scalar(178, 114, 0),
                                       cv::Scalar(115, 158, 0), cv::Scalar(167, 121, 204),
                                       cv::Scalar(0, 159, 230), cv::Scalar(233, 180, 86),
                                       cv::Scalar(66, 228, 240)};

void draw(cv::Mat& image, const Detection& found, const std::string& name) {
  const auto& color = colors[static_cast<std::size_t>(found.label) % colors.size()];
  const auto pixel = [](float v) { return static_cast<int>(std::lround(v)); };
  const cv::Point corner(pixel(found.box.x1), pixel(found.box.y1));
  cv::rectangle(image, corner, {pixel(found.box.x2), pixel(found.box.y2)}, color, 2);
  const auto text = fmt::format("{} {:.2f}", name, found.score);
  int below = 0;
  const auto size = cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, 0.4, 1, &below);
  const int bottom = std::max(corner.y, size.height + below);
  const int left = std::clamp(corner.x, 0, std::max(0, image.cols - size.width));
  cv::rectangle(image, {left, bottom - size.height - below}, {left + size.width, bottom}, color,
                cv::FILLED);
  cv::putText(image, text, {left, bottom - below}, cv::FONT_HERSHEY_SIMPLEX, 0.4,
              cv::Scalar(255, 255, 255), 1, cv::LINE_AA);
}

}  // namespace

void draw_detections(const std::filesystem::path& file, std::span<const Detection> detections,
                     std::span<const std::string> class_names,
                     const std::filesystem::path& output) {
  cv::Mat image = EncodedImage(file).decode(Channels::bgr);
  // From the last to the first: of labels that overlap, that of the higher score is seen.
  for (const auto& found : std::views::reverse(detections)) {
    if (found.label < 0 || found.label >= std::ssize(class_names)) {
      fail(ErrorCode::invalid_argument, "a detection is of class {}, but there are {}", found.label,
           class_names.size());
    }
    draw(image, found, class_names[static_cast<std::size_t>(found.label)]);
  }
  std::vector<unsigned char> bytes;
  cv::imencode(".png", image, bytes);
  write_file(output, std::as_bytes(std::span(bytes)));
}

}  // namespace laconic
