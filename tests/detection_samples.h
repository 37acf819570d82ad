// A small detector's form, and maps with random values for it.

#pragma once

#include <vector>

#include "laconic/detection.h"
#include "laconic/random.h"

namespace laconic {

inline DetectorForm small_form() {
  DetectorForm form;
  form.classes = {"ant", "bee"};
  form.stride = 8;
  form.bins = 2;
  form.sizes = {12, 24};
  form.ratios = {0.5, 1};
  return form;
}

struct RandomMaps {
  std::vector<float> objectness, shifts, classes, boxes;
  std::int64_t height, width;

  RandomMaps(const DetectorForm& form, std::int64_t h, std::int64_t w, std::uint64_t seed)
      : height(h), width(w) {
    Random random(seed);
    const auto fill = [&](std::vector<float>& map, std::int64_t channels, double size) {
      map.resize(static_cast<std::size_t>(channels * h * w));
      for (float& value : map) value = static_cast<float>(size * random.normal());
    };
    const auto bins = form.bins * form.bins;
    fill(objectness, form.anchors(), 1);
    fill(shifts, 4 * form.anchors(), 0.2);
    fill(classes, (form.class_count() + 1) * bins, 1);
    fill(boxes, 4 * bins, 1);
  }

  [[nodiscard]] DetectorMaps view() const {
    return {height, width, objectness, shifts, classes, boxes};
  }
};

}  // namespace laconic
