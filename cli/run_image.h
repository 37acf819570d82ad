// laconic run --image: a detector on a photograph.

#pragma once

#include <filesystem>

#include "context.h"
#include "image_detector.h"
#include "session_options.h"

namespace laconic::cli {

struct ImageRequest {
  std::filesystem::path model, image;
  std::filesystem::path output;   ///< Detections as JSON; empty: nowhere but on standard output.
  std::filesystem::path drawing;  ///< PNG; empty: none.
  double least_score = usual_least_score;
  SessionChoice choice;
};

/// Throws Error(invalid_argument) in builds that cannot read images.
void run_on_image(const Context& context, const ImageRequest& request);

}  // namespace laconic::cli
