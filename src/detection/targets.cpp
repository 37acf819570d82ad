#include "detection/targets.h"

#include <algorithm>

#include "detection/loss.h"

namespace laconic {
namespace {

constexpr double anchor_is_object = 0.7, anchor_is_none = 0.3;
constexpr double region_is_object = 0.5, difficult_overlap = 0.5;
/// More proposals than are trained on: there is a choice.
constexpr ProposalOptions training_proposals{1000, 300, 0.7};

struct Match {
  std::int64_t object = -1;  ///< Of largest overlap; none if nothing overlaps.
  double overlap = 0;
  bool difficult = false;  ///< Too near to one that is not trained on.
};

std::vector<Match> match(std::span<const Box> boxes, std::span<const Object> objects) {
  std::vector<Match> matches(boxes.size());
  for (std::size_t b = 0; b < boxes.size(); ++b) {
    for (std::size_t o = 0; o < objects.size(); ++o) {
      const double overlap =
          objects[o].crowd ? share_inside(boxes[b], objects[o].box) : iou(boxes[b], objects[o].box);
      if (objects[o].difficult) {
        matches[b].difficult = matches[b].difficult || overlap >= difficult_overlap;
      } else if (overlap > matches[b].overlap) {
        matches[b].object = static_cast<std::int64_t>(o);
        matches[b].overlap = overlap;
      }
    }
  }
  return matches;
}

/// A random `most` of them, in ascending order.
void draw(std::vector<std::size_t>& items, std::int64_t most, Random& random) {
  if (std::ssize(items) <= most) return;
  random.shuffle(std::span(items));
  items.resize(static_cast<std::size_t>(most));
  std::ranges::sort(items);
}

/// Every object has the anchor (or those, if equal) that overlap it most, however little.
std::vector<bool> best_of_an_object(std::span<const Box> anchors, std::span<const Object> objects) {
  std::vector<bool> best(anchors.size());
  std::vector<double> overlaps(anchors.size());
  for (const auto& object : objects) {
    if (object.difficult) continue;
    for (std::size_t a = 0; a < anchors.size(); ++a) overlaps[a] = iou(anchors[a], object.box);
    const double most = *std::ranges::max_element(overlaps);
    for (std::size_t a = 0; most > 0 && a < anchors.size(); ++a)
      if (overlaps[a] == most) best[a] = true;
  }
  return best;
}

std::vector<AnchorTarget> anchor_targets(std::span<const Box> anchors,
                                         std::span<const Object> objects,
                                         const TargetOptions& options, Random& random) {
  const auto matches = match(anchors, objects);
  const auto best = best_of_an_object(anchors, objects);
  std::vector<std::size_t> positive, negative;
  for (std::size_t a = 0; a < anchors.size(); ++a) {
    if (matches[a].overlap >= anchor_is_object || best[a]) {
      positive.push_back(a);
    } else if (matches[a].overlap < anchor_is_none && !matches[a].difficult) {
      negative.push_back(a);
    }
  }
  draw(positive, options.anchors / 2, random);
  draw(negative, options.anchors - std::ssize(positive), random);
  std::vector<AnchorTarget> targets;
  for (const auto a : positive) {
    const auto& object = objects[static_cast<std::size_t>(matches[a].object)];
    targets.push_back({a, true, shift_between(anchors[a], object.box)});
  }
  for (const auto a : negative) targets.push_back({a, false, {}});
  return targets;
}

RegionTarget region_target(const Box& region, const Match& match, std::span<const Object> objects) {
  RegionTarget target{region, -1, {}};
  if (match.overlap < region_is_object) return target;
  const auto& object = objects[static_cast<std::size_t>(match.object)];
  target.label = object.label;
  target.shift = shift_between(region, object.box);
  for (std::size_t side = 0; side < 4; ++side) target.shift[side] /= shift_units[side];
  return target;
}

/// Positions of the regions to train on.
std::vector<std::size_t> hardest(const DetectorForm& form, const DetectorMaps& maps,
                                 std::span<const RegionTarget> targets, std::int64_t most) {
  std::vector<float> losses;
  for (const auto& target : targets)
    losses.push_back(static_cast<float>(region_loss(form, maps, target)));
  return best_first(losses, most);
}

std::vector<std::size_t> drawn(std::span<const RegionTarget> targets, const TargetOptions& options,
                               Random& random) {
  std::vector<std::size_t> objects, none;
  for (std::size_t i = 0; i < targets.size(); ++i)
    (targets[i].label < 0 ? none : objects).push_back(i);
  draw(objects, static_cast<std::int64_t>(options.objects * static_cast<double>(options.regions)),
       random);
  draw(none, options.regions - std::ssize(objects), random);
  objects.insert(objects.end(), none.begin(), none.end());
  return objects;
}

}  // namespace

DetectionTargets choose_targets(const DetectorForm& form, const DetectorMaps& maps,
                                std::span<const Object> all_objects, double height, double width,
                                const TargetOptions& options, Random& random) {
  std::vector<Object> objects;
  std::ranges::copy_if(all_objects, std::back_inserter(objects), [](const auto& object) {
    return object.box.width() > 0 && object.box.height() > 0;
  });
  const auto anchors = anchors_of(form, maps.height, maps.width);
  DetectionTargets targets;
  targets.anchors = anchor_targets(anchors, objects, options, random);

  auto regions = propose(form, maps, anchors, height, width, training_proposals);
  for (const auto& object : objects) {
    if (!object.difficult) regions.push_back(object.box);
  }
  const auto matches = match(regions, objects);
  std::vector<RegionTarget> all;
  for (std::size_t r = 0; r < regions.size(); ++r) {
    const auto target = region_target(regions[r], matches[r], objects);
    if (target.label >= 0 || !matches[r].difficult) all.push_back(target);
  }
  const auto chosen = options.hard_examples ? hardest(form, maps, all, options.regions)
                                            : drawn(all, options, random);
  for (const auto i : chosen) targets.regions.push_back(all[i]);
  return targets;
}

}  // namespace laconic
