// laconic bench --image: a detector from an image's file to boxes.

#pragma once

#include <string>
#include <vector>

#include "image_detector.h"
#include "rival.h"

namespace laconic::cli {

class ImageBench {
 public:
  /// Throws as open_image_detector() does, and Error(invalid_data) if the image cannot be read.
  ImageBench(const std::filesystem::path& model, const SessionChoice& choice,
             std::filesystem::path image);

  /// Adds runs of as many seconds.
  void measure(double seconds);

  /// With a rival, what would be its time from file to boxes: its network in place of ours.
  [[nodiscard]] Json json(const Rival* rival) const;
  [[nodiscard]] std::string text(const Rival* rival) const;

 private:
  ImageDetector detector_;
  std::filesystem::path image_;
  std::vector<double> whole_, reading_, network_, boxes_;  ///< Milliseconds, ascending.
};

}  // namespace laconic::cli
