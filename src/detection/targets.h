// What a detector is trained on in one image: some anchors and some regions, and what each should
// have answered. Choosing them depends on the maps but is not differentiated, as in R-FCN.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "detection/regions.h"
#include "laconic/random.h"

namespace laconic {

struct TargetOptions {
  std::int64_t anchors = 256;  ///< At most; positive ones are at most half of them.
  std::int64_t regions = 128;  ///< At most.
  double objects = 0.25;       ///< Largest share of regions with an object.
  /// In place of drawing regions: those of highest loss (online hard example mining).
  bool hard_examples = false;
};

struct AnchorTarget {
  std::size_t anchor = 0;
  bool object = false;
  BoxShift shift{};  ///< To the object.
};

struct RegionTarget {
  Box region;
  std::int64_t label = -1;  ///< None of the classes.
  BoxShift shift{};         ///< To the object, in shift_units.
};

struct DetectionTargets {
  std::vector<AnchorTarget> anchors;
  std::vector<RegionTarget> regions;
};

/// `objects` lie within `height` x `width`; those without an area are passed over. Boxes that
/// overlap a difficult object by half, or lie in a crowd by half, are not trained on, unless they
/// hold another object.
[[nodiscard]] DetectionTargets choose_targets(const DetectorForm& form, const DetectorMaps& maps,
                                              std::span<const Object> objects, double height,
                                              double width, const TargetOptions& options,
                                              Random& random);

}  // namespace laconic
