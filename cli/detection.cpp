#include "detection.h"

#include <fmt/format.h>

#include <cmath>

#include "laconic/detection_data.h"

namespace laconic::cli {

std::unique_ptr<Dataset> open_data(const Context& context, std::string_view spec) {
  auto data = make_dataset(spec);
  const auto* detection = as_detection(*data);
  if (detection == nullptr || context.quiet) return data;
  SkippedAnnotations all;
  for (const auto part : {Part::train, Part::validation, Part::test})
    all += detection->skipped(part);
  const auto skipped = laconic::describe(all);
  if (!skipped.empty()) fmt::print(stderr, "laconic: {}\n", skipped);
  return data;
}

std::string_view figure_name(const Dataset& data) {
  return as_detection(data) != nullptr ? "mAP50" : "accuracy";
}

Json to_json(const DetectionScore& score, const DetectionDataset& data) {
  Json classes = Json::array();
  for (std::size_t i = 0; i < score.ap50.size(); ++i) {
    Json row{{"class", data.class_names()[i]}, {"objects", score.objects[i]}};
    row["ap50"] = std::isnan(score.ap50[i]) ? Json() : Json(score.ap50[i]);
    classes.push_back(row);
  }
  return {{"map50", score.map50},
          {"map50_2007", score.map50_2007},
          {"coco_map50", score.coco_map50},
          {"coco_map50_95", score.coco_map50_95},
          {"classes", classes}};
}

std::string describe(const DetectionScore& score, const DetectionDataset& data) {
  std::string text =
      fmt::format("mAP50 {:.4f} (2007: {:.4f}), COCO AP50 {:.4f}, AP50:95 {:.4f}", score.map50,
                  score.map50_2007, score.coco_map50, score.coco_map50_95);
  for (std::size_t i = 0; i < score.ap50.size(); ++i) {
    const auto& name = data.class_names()[i];
    text += std::isnan(score.ap50[i]) ? fmt::format("\n  {:<20} no objects", name)
                                      : fmt::format("\n  {:<20} AP50 {:.4f}, {} objects", name,
                                                    score.ap50[i], grouped(score.objects[i]));
  }
  return text;
}

}  // namespace laconic::cli
