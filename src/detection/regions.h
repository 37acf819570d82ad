// From maps to regions to classes and boxes: what detection and training have in common.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "detection/boxes.h"
#include "detection/pooling.h"
#include "laconic/detection.h"

namespace laconic {

/// Boxes are learned in these units: shifts are mostly small.
inline constexpr std::array<float, 4> shift_units{0.1F, 0.1F, 0.2F, 0.2F};

/// Throws Error(invalid_data) if a map has not the size that the form asks for.
void check_maps(const DetectorForm& form, const DetectorMaps& maps);

/// Position in DetectorMaps::objectness of anchor i of anchors_of(), and of side 0 to 3 in shifts.
[[nodiscard]] std::size_t objectness_place(const DetectorForm& form, const DetectorMaps& maps,
                                           std::size_t anchor);
[[nodiscard]] std::size_t shift_place(const DetectorForm& form, const DetectorMaps& maps,
                                      std::size_t anchor, std::size_t side);

struct ProposalOptions {
  std::int64_t candidates, most;
  double overlap;
};

/// Regions that may hold an object, best first, within `height` x `width` pixels.
[[nodiscard]] std::vector<Box> propose(const DetectorForm& form, const DetectorMaps& maps,
                                       std::span<const Box> anchors, double height, double width,
                                       const ProposalOptions& options);

[[nodiscard]] PoolingShape class_pooling(const DetectorForm& form, const DetectorMaps& maps);
[[nodiscard]] PoolingShape box_pooling(const DetectorForm& form, const DetectorMaps& maps);

/// Softmax in place.
void to_probabilities(std::span<float> logits);

}  // namespace laconic
