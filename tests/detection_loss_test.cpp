#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "detection/loss.h"
#include "detection_samples.h"

namespace laconic {
namespace {

constexpr double height = 48, width = 64;
const std::vector<Object> objects{
    {{4, 4, 17, 15}, 0, false}, {{20, 10, 44, 36}, 1, false}, {{50, 2, 62, 20}, 1, true}};

struct Case {
  DetectorForm form = small_form();
  RandomMaps maps{form, 6, 8, 11};

  [[nodiscard]] DetectionTargets choose(const TargetOptions& options = {},
                                        std::uint64_t seed = 1) const {
    Random random(seed);
    return choose_targets(form, maps.view(), objects, height, width, options, random);
  }
};

TEST(Targets, KeepToTheirNumbers) {
  const Case c;
  const auto targets = c.choose({.anchors = 40, .regions = 20});
  EXPECT_EQ(targets.anchors.size(), 40u);
  EXPECT_LE(std::ranges::count_if(targets.anchors, &AnchorTarget::object), 20);
  EXPECT_EQ(targets.regions.size(), 20u);
  EXPECT_LE(std::ranges::count_if(targets.regions, [](const auto& r) { return r.label >= 0; }), 5);
}

TEST(Targets, EveryObjectHasAnAnchorAndARegion) {
  const Case c;
  const auto targets = c.choose({.regions = 1000, .objects = 1});
  const auto anchors = anchors_of(c.form, 6, 8);
  for (const auto& object : {objects[0], objects[1]}) {
    EXPECT_TRUE(std::ranges::any_of(targets.anchors, [&](const auto& target) {
      const Box box = shifted(anchors[target.anchor], target.shift);
      return target.object && iou(box, object.box) > 0.999;
    }));
    EXPECT_TRUE(std::ranges::any_of(targets.regions, [&](const auto& target) {
      return target.label == object.label && target.region == object.box;
    }));
  }
}

TEST(Targets, NothingIsTrainedOnADifficultObject) {
  const Case c;
  const auto targets = c.choose({.anchors = 100000, .regions = 1000});
  const auto anchors = anchors_of(c.form, 6, 8);
  for (const auto& target : targets.anchors)
    EXPECT_LT(iou(anchors[target.anchor], objects[2].box), 0.5);
  for (const auto& target : targets.regions) EXPECT_LT(iou(target.region, objects[2].box), 0.5);
}

TEST(Targets, AreTheSameForTheSameStream) {
  const Case c;
  const auto same = [](const DetectionTargets& a, const DetectionTargets& b) {
    return std::ranges::equal(a.anchors, b.anchors, {}, &AnchorTarget::anchor,
                              &AnchorTarget::anchor);
  };
  EXPECT_TRUE(same(c.choose({.anchors = 30}, 1), c.choose({.anchors = 30}, 1)));
  EXPECT_FALSE(same(c.choose({.anchors = 30}, 1), c.choose({.anchors = 30}, 2)));
}

TEST(Targets, HardExamplesAreThoseOfHighestLoss) {
  const Case c;
  const auto all = c.choose({.regions = 100000, .objects = 1});
  const auto hard = c.choose({.regions = 10, .hard_examples = true});
  ASSERT_EQ(hard.regions.size(), 10u);
  std::vector<double> losses;
  for (const auto& target : all.regions)
    losses.push_back(region_loss(c.form, c.maps.view(), target));
  std::ranges::sort(losses, std::greater{});
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_NEAR(region_loss(c.form, c.maps.view(), hard.regions[i]), losses[i], 1e-6);
}

TEST(DetectionLoss, GradientEqualsFiniteDifferences) {
  Case c;
  const auto targets = c.choose({.anchors = 64, .regions = 24, .objects = 0.5});
  const auto loss = [&] { return detection_loss(c.form, c.maps.view(), targets, nullptr).total(); };
  DetectorGradient gradient;
  gradient.objectness.resize(c.maps.objectness.size());
  gradient.shifts.resize(c.maps.shifts.size());
  gradient.classes.resize(c.maps.classes.size());
  gradient.boxes.resize(c.maps.boxes.size());
  const auto parts = detection_loss(c.form, c.maps.view(), targets, &gradient);
  EXPECT_GT(parts.objectness, 0);
  EXPECT_GT(parts.shifts, 0);
  EXPECT_GT(parts.classes, 0);
  EXPECT_GT(parts.boxes, 0);

  const auto check = [&](std::vector<float>& map, const std::vector<float>& slopes) {
    int moving = 0;
    for (std::size_t i = 0; i < map.size(); i += 7) {
      const float kept = map[i], step = 0x1p-8F;
      map[i] = kept + step;
      const double up = loss();
      map[i] = kept - step;
      const double down = loss();
      map[i] = kept;
      EXPECT_NEAR(slopes[i], (up - down) / (2 * static_cast<double>(step)), 2e-5) << i;
      moving += slopes[i] != 0;
    }
    EXPECT_GT(moving, 0);
  };
  check(c.maps.objectness, gradient.objectness);
  check(c.maps.shifts, gradient.shifts);
  check(c.maps.classes, gradient.classes);
  check(c.maps.boxes, gradient.boxes);
}

TEST(DetectionLoss, IsThatOfNoObjectsWhereThereAreNone) {
  const Case c;
  Random random(1);
  const auto targets = choose_targets(c.form, c.maps.view(), {}, height, width, {}, random);
  const auto loss = detection_loss(c.form, c.maps.view(), targets, nullptr);
  EXPECT_GT(loss.objectness, 0);
  EXPECT_GT(loss.classes, 0);
  EXPECT_EQ(loss.shifts, 0);
  EXPECT_EQ(loss.boxes, 0);
}

}  // namespace
}  // namespace laconic
