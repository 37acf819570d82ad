// What readers of annotations share: checks of images and boxes, and the data set they become.

#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "data/annotations.h"

namespace laconic {

struct AnnotatedPart {
  std::vector<AnnotatedImage> images;
  SkippedAnnotations skipped;
};

/// In the order of Part.
using AnnotatedParts = std::array<AnnotatedPart, 3>;

/// An image on a list, with what its annotation says. `problem` is set where that cannot be read.
struct WrittenImage {
  std::filesystem::path file;
  std::vector<WrittenObject> objects;
  std::string problem;
};

/// Checks images and boxes in parallel and drops what is bad. Counts and the first problem are in
/// the order of the list, after those of `skipped`.
[[nodiscard]] AnnotatedPart check_images(std::span<const WrittenImage> images,
                                         std::span<const std::string> class_names,
                                         SkippedAnnotations skipped = {});

/// The names that a spec's option `classes` gives: joined by "/"; the 20 of PASCAL VOC where it
/// says voc; where it says auto, those of all objects, in alphabetical order. Throws
/// Error(invalid_data) if there is none.
[[nodiscard]] std::vector<std::string> class_names_of(const Options& options,
                                                      std::span<const WrittenImage> images);

/// Reads the options that are common to readers. Throws Error(invalid_data) if no image is left to
/// train on or to judge by.
[[nodiscard]] std::unique_ptr<Dataset> make_detection_dataset(const Options& options,
                                                              std::vector<std::string> class_names,
                                                              AnnotatedParts parts);

}  // namespace laconic
