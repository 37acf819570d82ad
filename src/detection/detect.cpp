#include <algorithm>
#include <cmath>

#include "detection/regions.h"
#include "laconic/error.h"

namespace laconic {
namespace {

/// What was seen in one proposal.
struct Seen {
  Box box;
  std::vector<float> probabilities;  ///< Of none, then of each class.
};

/// Leaves out proposals that no class has `least_score` in.
std::vector<Seen> look_at(const DetectorForm& form, const DetectorMaps& maps,
                          std::span<const Box> regions, double height, double width,
                          double least_score) {
  std::vector<Seen> all;
  std::vector<float> probabilities(static_cast<std::size_t>(form.class_count() + 1));
  for (const auto& region : regions) {
    pool_region(class_pooling(form, maps), maps.classes, region, probabilities);
    to_probabilities(probabilities);
    const auto seen_here = std::span(probabilities).subspan(1);
    if (std::ranges::none_of(seen_here, [&](float score) { return score >= least_score; }))
      continue;
    Seen seen{{}, probabilities};
    BoxShift shift{};
    pool_region(box_pooling(form, maps), maps.boxes, region, shift);
    for (std::size_t side = 0; side < 4; ++side) shift[side] *= shift_units[side];
    if (!std::ranges::all_of(shift, [](float v) { return std::isfinite(v); })) continue;
    seen.box = clipped(shifted(region, shift), height, width);
    all.push_back(std::move(seen));
  }
  return all;
}

}  // namespace

DetectorMaps maps_of(std::span<const TensorView> outputs) {
  const bool shaped = outputs.size() == 4 && std::ranges::all_of(outputs, [&](const auto& map) {
                        return map.shape.size() == 4 && map.shape[0] == 1 &&
                               map.shape[2] == outputs[0].shape[2] &&
                               map.shape[3] == outputs[0].shape[3];
                      });
  if (!shaped) fail(ErrorCode::invalid_data, "the network does not answer with a detector's maps");
  return {outputs[0].shape[2], outputs[0].shape[3], outputs[0].floats(),
          outputs[1].floats(), outputs[2].floats(), outputs[3].floats()};
}

std::vector<Detection> detect(const DetectorForm& form, const DetectorMaps& maps, double height,
                              double width, const DetectOptions& options) {
  check_maps(form, maps);
  const auto anchors = anchors_of(form, maps.height, maps.width);
  const auto regions = propose(form, maps, anchors, height, width,
                               {options.candidates, options.proposals, options.proposal_overlap});
  const auto seen = look_at(form, maps, regions, height, width, options.least_score);

  std::vector<Detection> all;
  for (std::int64_t label = 0; label < form.class_count(); ++label) {
    std::vector<Box> boxes;
    std::vector<float> scores;
    for (const auto& one : seen) {
      const float score = one.probabilities[static_cast<std::size_t>(label + 1)];
      if (!(score >= options.least_score) || !(one.box.width() > 0 && one.box.height() > 0))
        continue;
      boxes.push_back(one.box);
      scores.push_back(score);
    }
    for (const auto i : suppress(boxes, scores, options.overlap, options.most))
      all.push_back({boxes[i], label, scores[i]});
  }
  std::ranges::stable_sort(all, [](const auto& a, const auto& b) { return a.score > b.score; });
  if (std::ssize(all) > options.most) all.resize(static_cast<std::size_t>(options.most));
  return all;
}

}  // namespace laconic
