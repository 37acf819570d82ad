// What annotations say: read from bytes that may hold anything, and checked box by box. No LibTorch
// and no images, so that a fuzzer reaches all of it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "laconic/detection_data.h"

namespace laconic {

/// An object as an annotation has it.
struct WrittenObject {
  std::string name;  ///< Empty where it has none.
  /// Continuous coordinates; NaN where a side is missing or no number.
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  bool difficult = false, crowd = false;
};

/// The objects of an annotation of PASCAL VOC. Throws Error(invalid_data) if it is no XML or has
/// no element "annotation"; the message begins with "is".
[[nodiscard]] std::vector<WrittenObject> parse_voc(std::span<const std::byte> xml);

struct CocoAnnotation {
  struct Image {
    std::string file;  ///< A plain name: no entry leads out of the folder.
    std::vector<WrittenObject> objects;
  };
  std::vector<Image> images;
  SkippedAnnotations skipped;  ///< Objects of images that it does not list.
};

/// An instances_*.json of COCO, which is called `name` in messages. Throws Error(invalid_data) if
/// it is no JSON, lacks a list, or an entry lacks what tells it apart; names list and entry.
[[nodiscard]] CocoAnnotation parse_coco(std::span<const std::byte> json, const std::string& name);

/// Adds the object to the image, cut at its border, if its class is known and its box has an area
/// within. Counts it as skipped otherwise. The image's file and extents are set.
void add_object(const WrittenObject& object, std::span<const std::string> class_names,
                AnnotatedImage& image, SkippedAnnotations& skipped);

}  // namespace laconic
