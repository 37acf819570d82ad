// A detector that is ready to find objects in image files.

#pragma once

#include <filesystem>
#include <vector>

#include "laconic/detection.h"
#include "session_options.h"

namespace laconic::cli {

/// Detections of a lower probability are left out unless asked for.
inline constexpr double usual_least_score = 0.5;

struct ImageDetector {
  DetectorForm form;
  std::int64_t height, width;  ///< Of the images that the network takes.
  Session session;
};

/// What was found in an image, in its own pixels, and the milliseconds it took.
struct ImageRun {
  std::vector<Detection> found;
  double image = 0;  ///< From the file to the network's input.
  double network = 0;
  double boxes = 0;  ///< From the network's maps to detections.
};

/// Opens a .lac or .onnx file. Throws Error(invalid_data) for networks that are no detectors or
/// take images of any size; in builds that cannot read images, Error(invalid_argument).
[[nodiscard]] ImageDetector open_image_detector(const std::filesystem::path& model,
                                                const SessionChoice& choice);

[[nodiscard]] ImageRun find_in_image(ImageDetector& detector, const std::filesystem::path& image,
                                     const DetectOptions& options);

}  // namespace laconic::cli
