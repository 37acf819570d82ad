// Data sets of object detection: images with boxes. No LibTorch.
//
// Specs: "voc:DIR,height=240,width=320,flip=true,jitter=0.2", "coco:DIR,...". Images are scaled so
// that they fit into height x width pixels and keep their proportions; what is left, on the right
// and below, is padded with black.

#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/detection.h"

namespace laconic {

/// What was found wrong while annotations were read. Nothing of it is trained on or judged.
struct SkippedAnnotations {
  std::int64_t missing_images = 0;    ///< On a list, but there is no file.
  std::int64_t damaged_images = 0;    ///< Cut short, no image, or too large.
  std::int64_t bad_annotations = 0;   ///< Images whose annotation is missing or cannot be read.
  std::int64_t unreadable_boxes = 0;  ///< Boxes with a side that is missing or no finite number,
  std::int64_t empty_boxes = 0;       ///< without an area,
  std::int64_t outside_boxes = 0;     ///< outside their image altogether,
  std::int64_t unknown_classes = 0;   ///< of a class that is not among the data set's,
  std::int64_t stray_boxes = 0;       ///< or of an image that is on no list (COCO).
  std::string first;                  ///< The first of these in words, with its file.

  [[nodiscard]] std::int64_t images() const noexcept {
    return missing_images + damaged_images + bad_annotations;
  }
  [[nodiscard]] std::int64_t boxes() const noexcept {
    return unreadable_boxes + empty_boxes + outside_boxes + unknown_classes + stray_boxes;
  }
  /// Counts are added; of first cases, that of the left side stays.
  SkippedAnnotations& operator+=(const SkippedAnnotations& more);
};

/// "skipped 1 missing image, 2 boxes without an area; the first: FIRST"; empty if nothing was
/// skipped.
[[nodiscard]] std::string describe(const SkippedAnnotations& skipped);

struct AnnotatedImage {
  std::filesystem::path file;
  std::int64_t height = 0, width = 0;
  std::vector<Object> objects;  ///< In pixels of the file, within the image.
};

/// An image on the canvas that a detector takes: at its left and top, as large as fits.
struct ShownImage {
  double factor = 1;             ///< Pixels of the canvas for each pixel of the file.
  double height = 0, width = 0;  ///< Pixels of the canvas that it covers; the rest is padding.
};

/// As a Dataset it gives images, and as labels their positions in the part.
class DetectionDataset : public Dataset {
 public:
  [[nodiscard]] virtual const std::vector<std::string>& class_names() const noexcept = 0;

  [[nodiscard]] virtual const AnnotatedImage& image(Part part, std::int64_t i) const = 0;

  /// How a sample shows its image, without augmentation.
  [[nodiscard]] virtual ShownImage shown(Part part, std::int64_t i) const = 0;

  /// The objects of sample `i` where read() with this augmentation and seed puts them. Those of
  /// which less than two fifths are left in sight are called difficult.
  [[nodiscard]] virtual std::vector<Object> objects(Part part, std::int64_t i,
                                                    const Augmentation& augmentation = {},
                                                    std::uint64_t seed = 0) const = 0;

  /// The form with this data set's classes and its scale, mean and deviation.
  [[nodiscard]] virtual DetectorForm with_form(DetectorForm form) const = 0;

  /// What was skipped of a part's list.
  [[nodiscard]] virtual const SkippedAnnotations& skipped(Part part) const noexcept = 0;
};

/// The data set if it is one of object detection, or null.
[[nodiscard]] const DetectionDataset* as_detection(const Dataset& data) noexcept;

/// A file prepared for a detector as samples are, by the scale, mean and deviation of its form.
struct PreparedImage {
  std::vector<float> pixels;  ///< [3, height, width]
  ShownImage shown;
};
[[nodiscard]] PreparedImage prepare_image(const std::filesystem::path& file,
                                          const DetectorForm& form, std::int64_t height,
                                          std::int64_t width);

/// Writes the image as PNG with boxes (in pixels of `file`) and their classes and scores drawn in.
void draw_detections(const std::filesystem::path& file, std::span<const Detection> detections,
                     std::span<const std::string> class_names, const std::filesystem::path& output);

}  // namespace laconic
