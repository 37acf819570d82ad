// The loss of one image on chosen targets, and its gradient in the maps.

#pragma once

#include <vector>

#include "detection/targets.h"

namespace laconic {

struct DetectionLoss {
  double objectness = 0;  ///< Binary cross-entropy, mean over anchors.
  double shifts = 0;      ///< Smooth L1 of positive anchors, over the number of all.
  double classes = 0;     ///< Cross-entropy, mean over regions.
  double boxes = 0;       ///< Smooth L1 of regions with an object, over the number of all.

  [[nodiscard]] double total() const noexcept { return objectness + shifts + classes + boxes; }
};

/// Of the sizes of DetectorMaps.
struct DetectorGradient {
  std::vector<float> objectness, shifts, classes, boxes;
};

/// Adds to `gradient` unless it is null.
[[nodiscard]] DetectionLoss detection_loss(const DetectorForm& form, const DetectorMaps& maps,
                                           const DetectionTargets& targets,
                                           DetectorGradient* gradient);

/// Of one region: its part of `classes` and `boxes`, before the mean.
[[nodiscard]] double region_loss(const DetectorForm& form, const DetectorMaps& maps,
                                 const RegionTarget& target);

}  // namespace laconic
