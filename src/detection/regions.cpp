#include "detection/regions.h"

#include <algorithm>
#include <cmath>

#include "laconic/error.h"

namespace laconic {

void check_maps(const DetectorForm& form, const DetectorMaps& maps) {
  const std::int64_t cells = maps.height * maps.width, bins = form.bins * form.bins;
  const auto check = [&](std::string_view what, std::span<const float> map, std::int64_t channels) {
    if (std::ssize(map) == channels * cells) return;
    fail(ErrorCode::invalid_data,
         "the detector's {} map has {} values, but must have {} channels of {}x{}", what,
         map.size(), channels, maps.height, maps.width);
  };
  check("objectness", maps.objectness, form.anchors());
  check("shift", maps.shifts, 4 * form.anchors());
  check("class", maps.classes, (form.class_count() + 1) * bins);
  check("box", maps.boxes, 4 * bins);
}

std::size_t objectness_place(const DetectorForm& form, const DetectorMaps& maps,
                             std::size_t anchor) {
  const auto count = static_cast<std::size_t>(form.anchors());
  const auto cells = static_cast<std::size_t>(maps.height * maps.width);
  return anchor % count * cells + anchor / count;
}

std::size_t shift_place(const DetectorForm& form, const DetectorMaps& maps, std::size_t anchor,
                        std::size_t side) {
  const auto count = static_cast<std::size_t>(form.anchors());
  const auto cells = static_cast<std::size_t>(maps.height * maps.width);
  return (anchor % count * 4 + side) * cells + anchor / count;
}

std::vector<Box> propose(const DetectorForm& form, const DetectorMaps& maps,
                         std::span<const Box> anchors, double height, double width,
                         const ProposalOptions& options) {
  std::vector<float> scores(anchors.size());
  // As objectness_place() has it, map by map.
  const auto count = static_cast<std::size_t>(form.anchors());
  for (std::size_t anchor = 0, at = 0; anchor < count; ++anchor)
    for (std::size_t i = anchor; i < anchors.size(); i += count) scores[i] = maps.objectness[at++];
  std::vector<Box> boxes;
  std::vector<float> kept_scores;
  for (const auto i : best_first(scores, options.candidates)) {
    BoxShift shift{};
    for (std::size_t side = 0; side < 4; ++side)
      shift[side] = maps.shifts[shift_place(form, maps, i, side)];
    if (!std::ranges::all_of(shift, [](float v) { return std::isfinite(v); })) continue;
    const Box box = clipped(shifted(anchors[i], shift), height, width);
    // Narrower than a pixel: nothing to see.
    if (!(box.width() >= 1 && box.height() >= 1)) continue;
    boxes.push_back(box);
    kept_scores.push_back(scores[i]);
  }
  std::vector<Box> proposals;
  for (const auto i : suppress(boxes, kept_scores, options.overlap, options.most))
    proposals.push_back(boxes[i]);
  return proposals;
}

PoolingShape class_pooling(const DetectorForm& form, const DetectorMaps& maps) {
  return {form.class_count() + 1, form.bins, maps.height, maps.width,
          static_cast<double>(form.stride)};
}

PoolingShape box_pooling(const DetectorForm& form, const DetectorMaps& maps) {
  return {4, form.bins, maps.height, maps.width, static_cast<double>(form.stride)};
}

void to_probabilities(std::span<float> logits) {
  const float top = *std::ranges::max_element(logits);
  double sum = 0;
  for (float& value : logits) sum += value = std::exp(value - top);
  for (float& value : logits) value = static_cast<float>(value / sum);
}

}  // namespace laconic
