// Object detection without LibTorch: boxes, what a detector's file says of it, detections from the
// maps that its convolutional part answers with, and how good they are.
//
// Coordinates are continuous: pixel i covers [i, i + 1). An annotation of pixels 1 to 3, counted
// from 1 as in PASCAL VOC, is the box from 0 to 3.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/graph.h"
#include "laconic/session.h"

namespace laconic {

struct Box {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;

  [[nodiscard]] float width() const noexcept { return x2 - x1; }
  [[nodiscard]] float height() const noexcept { return y2 - y1; }
  bool operator==(const Box&) const = default;
};

/// Area of the intersection against that of the union, 0 to 1; 0 where a box has no area.
[[nodiscard]] double iou(const Box& a, const Box& b) noexcept;

/// Share of `box` that lies in `region`, 0 to 1; 0 where it has no area.
[[nodiscard]] double share_inside(const Box& box, const Box& region) noexcept;

/// What an annotation says is there.
struct Object {
  Box box;
  std::int64_t label = 0;
  bool difficult = false;  ///< Neither trained on nor counted, found or not.
  /// Of many objects that nobody counted (COCO), difficult too: what lies in it is let pass by the
  /// share that does, not by IoU.
  bool crowd = false;
};

struct Detection {
  Box box;
  std::int64_t label = 0;
  float score = 0;  ///< Probability, 0 to 1.
};

/// One image of an evaluation.
struct JudgedImage {
  std::vector<Detection> detections;
  std::vector<Object> objects;
};

/// Which detections count as found objects, going through them by falling score.
enum class MatchRule : std::uint8_t {
  voc,   ///< The object of largest overlap decides; one found before makes it a false alarm.
  coco,  ///< The largest overlap among objects not found yet; at most 100 detections a class and
         ///< image.
};

struct PrecisionRecall {
  float score = 0;  ///< Detections of this score and above.
  double recall = 0, precision = 0;
};

/// How precision falls as more of a class's objects are found.
struct PrecisionCurve {
  std::int64_t objects = 0;             ///< To be found: without difficult ones.
  std::vector<PrecisionRecall> points;  ///< By falling score, one for each detection that counts.
};

/// `overlap` is the least IoU with an object that makes a detection right.
[[nodiscard]] PrecisionCurve precision_curve(std::span<const JudgedImage> images,
                                             std::int64_t label, double overlap, MatchRule rule);

/// How the area under a curve is taken; precision at a recall is the best at that recall or more.
enum class AreaRule : std::uint8_t {
  eleven_points,  ///< VOC 2007: mean at recalls 0, 0.1 to 1.
  area,           ///< VOC 2010 and later: exactly.
  points_101,     ///< COCO: mean at recalls 0, 0.01 to 1.
};

/// 0 to 1; NaN for a class without objects.
[[nodiscard]] double average_precision(const PrecisionCurve& curve, AreaRule rule);

struct DetectionScore {
  double map50 = 0;          ///< Mean over classes with objects of VOC's area at IoU 0.5.
  double map50_2007 = 0;     ///< The same by eleven points.
  double coco_map50 = 0;     ///< COCO's matching and area at IoU 0.5,
  double coco_map50_95 = 0;  ///< and as a mean over IoU 0.5, 0.55 to 0.95.
  std::vector<double> ap50;  ///< VOC's area for each class; NaN where a class has no objects.
  std::vector<std::int64_t> objects;  ///< Of each class, without difficult ones.
};

/// Throws Error(invalid_data) where no image has an object.
[[nodiscard]] DetectionScore score_detections(std::span<const JudgedImage> images,
                                              std::int64_t classes);

/// What a detector's graph does not say by itself. Its spec, "rfcn:classes=cat/dog,stride=8,...",
/// is the graph's name, so that every file of a detector has it.
struct DetectorForm {
  std::vector<std::string> classes;  ///< Names; without what is no object.
  std::int64_t stride = 16;          ///< Pixels of the input from one cell of a map to the next.
  std::int64_t bins = 7;             ///< Rows, and columns, that a region is divided into.
  std::vector<double> sizes;         ///< Of anchors: roots of their areas, in pixels.
  std::vector<double> ratios;        ///< Of anchors: height against width.
  double scale = 1.0 / 255;          ///< An input is (pixel * scale - mean) / deviation.
  std::vector<double> mean = {0}, deviation = {1};  ///< One for all channels, or one each.

  [[nodiscard]] std::int64_t anchors() const noexcept {
    return static_cast<std::int64_t>(sizes.size() * ratios.size());
  }
  [[nodiscard]] std::int64_t class_count() const noexcept {
    return static_cast<std::int64_t>(classes.size());
  }
  [[nodiscard]] std::string spec() const;
};

/// Whether the graph's name is a detector's spec.
[[nodiscard]] bool is_detector(const Graph& graph) noexcept;

/// Throws Error(invalid_data) naming what is wrong with the graph's name, or which output has not
/// the channels that it asks for.
[[nodiscard]] DetectorForm detector_form(const Graph& graph);

/// The outputs of the convolutional part for one image, in the graph's order: [channels, height,
/// width] each, all of one height and width. With a anchors, k bins and c classes:
struct DetectorMaps {
  std::int64_t height = 0, width = 0;
  std::span<const float> objectness;  ///< a channels: logits that an anchor holds an object.
  std::span<const float> shifts;      ///< 4a channels: how to move and scale each anchor.
  std::span<const float> classes;     ///< (c + 1) k k channels: class by class, row by row of bins;
                                      ///< the first class is none of the others.
  std::span<const float> boxes;       ///< 4 k k channels: x, y, width, height.
};

/// What a session answered to one image; valid as long as that is. Throws Error(invalid_data)
/// unless there are four maps of one size.
[[nodiscard]] DetectorMaps maps_of(std::span<const TensorView> outputs);

struct DetectOptions {
  std::int64_t candidates = 1000;  ///< Anchors of highest score that proposals are made of,
  std::int64_t proposals = 150;    ///< and how many of these, at most, are looked at.
  double proposal_overlap = 0.7;   ///< Proposals that overlap a better one by more are dropped.
  double least_score = 0.01;
  double overlap =
      0.4;  ///< Detections that overlap a better one of their class by more are dropped.
  std::int64_t most = 100;  ///< Detections an image.
};

/// Detections by falling score, in pixels of the network's input, within `height` x `width`: what
/// the image covers of it, from its left and top. Throws Error(invalid_data) if a map has not the
/// size that the form asks for. Values that are not finite give no detection.
[[nodiscard]] std::vector<Detection> detect(const DetectorForm& form, const DetectorMaps& maps,
                                            double height, double width,
                                            const DetectOptions& options = {});

}  // namespace laconic
