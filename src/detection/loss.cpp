#include "detection/loss.h"

#include <algorithm>
#include <cmath>

namespace laconic {
namespace {

/// Quadratic up to this error of an anchor's shift, of a region's; linear beyond.
constexpr double anchor_bend = 1.0 / 9, region_bend = 1;

struct Slope {
  double value = 0, derivative = 0;
};

Slope smooth_l1(double error, double bend) {
  const double size = std::abs(error);
  if (size < bend) return {error * error / (2 * bend), error / bend};
  return {size - bend / 2, error < 0 ? -1.0 : 1.0};
}

/// log(1 + exp(-z)) for an object, log(1 + exp(z)) for none.
Slope binary_cross_entropy(double z, bool object) {
  const double sign = object ? 1 : -1;
  const double tail = std::exp(-std::abs(z));
  const double value = std::log1p(tail) + std::max(0.0, -sign * z);
  const double p = z >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
  return {value, p - (object ? 1 : 0)};
}

void anchor_losses(const DetectorForm& form, const DetectorMaps& maps,
                   std::span<const AnchorTarget> targets, DetectionLoss& loss,
                   DetectorGradient* gradient) {
  const double share = 1 / std::max(1.0, static_cast<double>(targets.size()));
  for (const auto& target : targets) {
    const auto place = objectness_place(form, maps, target.anchor);
    const auto slope =
        binary_cross_entropy(static_cast<double>(maps.objectness[place]), target.object);
    loss.objectness += slope.value * share;
    if (gradient != nullptr)
      gradient->objectness[place] += static_cast<float>(slope.derivative * share);
    if (!target.object) continue;
    for (std::size_t side = 0; side < 4; ++side) {
      const auto at = shift_place(form, maps, target.anchor, side);
      const auto bent =
          smooth_l1(static_cast<double>(maps.shifts[at]) - target.shift[side], anchor_bend);
      loss.shifts += bent.value * share;
      if (gradient != nullptr) gradient->shifts[at] += static_cast<float>(bent.derivative * share);
    }
  }
}

/// Losses of one region, with the gradients in what pooling gave it.
struct RegionSlopes {
  double classes = 0, boxes = 0;
  std::vector<float> class_slopes;
  BoxShift box_slopes{};
};

RegionSlopes region_slopes(const DetectorForm& form, const DetectorMaps& maps,
                           const RegionTarget& target) {
  RegionSlopes out;
  out.class_slopes.resize(static_cast<std::size_t>(form.class_count() + 1));
  pool_region(class_pooling(form, maps), maps.classes, target.region, out.class_slopes);
  const auto label = static_cast<std::size_t>(target.label + 1);
  const float wanted = out.class_slopes[label];
  const float top = *std::ranges::max_element(out.class_slopes);
  double sum = 0;
  for (const float value : out.class_slopes) sum += std::exp(static_cast<double>(value) - top);
  out.classes = top + std::log(sum) - static_cast<double>(wanted);
  to_probabilities(out.class_slopes);
  out.class_slopes[label] -= 1;

  if (target.label < 0) return out;
  BoxShift shift{};
  pool_region(box_pooling(form, maps), maps.boxes, target.region, shift);
  for (std::size_t side = 0; side < 4; ++side) {
    const auto bent = smooth_l1(static_cast<double>(shift[side]) - target.shift[side], region_bend);
    out.boxes += bent.value;
    out.box_slopes[side] = static_cast<float>(bent.derivative);
  }
  return out;
}

}  // namespace

double region_loss(const DetectorForm& form, const DetectorMaps& maps, const RegionTarget& target) {
  const auto slopes = region_slopes(form, maps, target);
  return slopes.classes + slopes.boxes;
}

DetectionLoss detection_loss(const DetectorForm& form, const DetectorMaps& maps,
                             const DetectionTargets& targets, DetectorGradient* gradient) {
  DetectionLoss loss;
  anchor_losses(form, maps, targets.anchors, loss, gradient);
  const double share = 1 / std::max(1.0, static_cast<double>(targets.regions.size()));
  for (const auto& target : targets.regions) {
    auto slopes = region_slopes(form, maps, target);
    loss.classes += slopes.classes * share;
    loss.boxes += slopes.boxes * share;
    if (gradient == nullptr) continue;
    for (float& slope : slopes.class_slopes) slope *= static_cast<float>(share);
    pool_region_backward(class_pooling(form, maps), target.region, slopes.class_slopes,
                         gradient->classes);
    if (target.label < 0) continue;
    for (float& slope : slopes.box_slopes) slope *= static_cast<float>(share);
    pool_region_backward(box_pooling(form, maps), target.region, slopes.box_slopes,
                         gradient->boxes);
  }
  return loss;
}

}  // namespace laconic
