// What readers of annotations share: checks of images and boxes, and the data set they become.

#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "laconic/detection_data.h"

namespace laconic {

/// Lists of images by part, in the order of Part.
using AnnotatedParts = std::array<std::vector<AnnotatedImage>, 3>;

/// An object as an annotation has it.
struct WrittenObject {
  std::string name;
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;  ///< Continuous coordinates.
  bool difficult = false;
};

/// An image on a list, with what its annotation says. `problem` is set where that cannot be read.
struct WrittenImage {
  std::filesystem::path file;
  std::vector<WrittenObject> objects;
  std::string problem;
};

/// Checks images and boxes in parallel and drops what is bad; counts and the first problem go to
/// `skipped`, in the order of the list.
[[nodiscard]] std::vector<AnnotatedImage> check_images(std::span<const WrittenImage> images,
                                                       std::span<const std::string> class_names,
                                                       SkippedAnnotations& skipped);

/// The names that a spec's option `classes` gives, joined by "/"; or, where it says auto, those of
/// all objects, in alphabetical order. Throws Error(invalid_data) if there is none.
[[nodiscard]] std::vector<std::string> class_names_of(const Options& options,
                                                      std::span<const WrittenImage> images);

/// Reads the options that are common to readers. Throws Error(invalid_data) if no image is left to
/// train on or to judge by.
[[nodiscard]] std::unique_ptr<Dataset> make_detection_dataset(const Options& options,
                                                              std::vector<std::string> class_names,
                                                              AnnotatedParts parts,
                                                              SkippedAnnotations skipped);

}  // namespace laconic
