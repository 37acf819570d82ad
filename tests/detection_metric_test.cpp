#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "errors.h"
#include "laconic/detection.h"
#include "laconic/error.h"
#include "laconic/precision_curves.h"
#include "laconic/random.h"

namespace laconic {
namespace {

using testing::DoubleNear;

/// Objects side by side; a detection is right if it is on one of them.
Box slot(int i) {
  const auto x = static_cast<float>(10 * i);
  return {x, 0, x + 8, 8};
}

TEST(Iou, OfSimpleBoxes) {
  EXPECT_DOUBLE_EQ(iou({0, 0, 2, 2}, {0, 0, 2, 2}), 1);
  EXPECT_DOUBLE_EQ(iou({0, 0, 2, 2}, {1, 0, 3, 2}), 1.0 / 3);
  EXPECT_DOUBLE_EQ(iou({0, 0, 2, 2}, {2, 0, 4, 2}), 0);
  EXPECT_DOUBLE_EQ(iou({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
  EXPECT_DOUBLE_EQ(iou({3, 3, 1, 1}, {0, 0, 4, 4}), 0);
}

/// Which of 24 detections of 15 objects are right, by falling score: the example that Padilla,
/// Netto and da Silva (2020) go through, with the areas that they print.
TEST(AveragePrecision, OfThePublishedExample) {
  JudgedImage image;
  for (int i = 0; i < 15; ++i) image.objects.push_back({slot(i), 0, false});
  const std::set<int> right{1, 3, 10, 12, 13, 14, 23};
  int found = 0;
  for (int rank = 1; rank <= 24; ++rank) {
    const Box box = right.contains(rank) ? slot(found++) : slot(100 + rank);
    image.detections.push_back({box, 0, 1 - 0.01F * static_cast<float>(rank)});
  }
  for (const auto rule : {MatchRule::voc, MatchRule::coco}) {
    const auto curve = precision_curve({&image, 1}, 0, 0.3, rule);
    EXPECT_THAT(average_precision(curve, AreaRule::eleven_points), DoubleNear(0.2684, 5e-5));
    EXPECT_THAT(average_precision(curve, AreaRule::area), DoubleNear(0.2457, 1e-4));
  }
}

TEST(AveragePrecision, DifficultObjectsAreNeitherMissedNorFalseAlarms) {
  const JudgedImage image{{{slot(0), 0, 0.9F}, {slot(0), 0, 0.8F}, {slot(1), 0, 0.7F}},
                          {{slot(0), 0, true}, {slot(1), 0, false}}};
  for (const auto rule : {MatchRule::voc, MatchRule::coco}) {
    const auto curve = precision_curve({&image, 1}, 0, 0.5, rule);
    EXPECT_EQ(curve.objects, 1);
    ASSERT_EQ(curve.points.size(), 1u);
    EXPECT_EQ(average_precision(curve, AreaRule::area), 1);
  }
}

TEST(AveragePrecision, ASecondDetectionOfAnObjectIsAFalseAlarm) {
  const JudgedImage image{{{slot(0), 0, 0.9F}, {slot(0), 0, 0.8F}, {slot(1), 0, 0.7F}},
                          {{slot(0), 0}, {slot(1), 0}}};
  const auto curve = precision_curve({&image, 1}, 0, 0.5, MatchRule::voc);
  EXPECT_DOUBLE_EQ(average_precision(curve, AreaRule::area), 0.5 + 0.5 * 2 / 3);
}

/// VOC looks at the object of largest overlap alone; COCO goes on to one that is free.
TEST(AveragePrecision, RulesDifferWhereObjectsOverlap) {
  const Box left{0, 0, 10, 10}, right{3, 0, 13, 10};
  const JudgedImage image{{{left, 0, 0.9F}, {{1, 0, 11, 10}, 0, 0.8F}}, {{left, 0}, {right, 0}}};
  const auto area = [&](MatchRule rule) {
    return average_precision(precision_curve({&image, 1}, 0, 0.5, rule), AreaRule::area);
  };
  EXPECT_DOUBLE_EQ(area(MatchRule::voc), 0.5);
  EXPECT_DOUBLE_EQ(area(MatchRule::coco), 1);
}

TEST(AveragePrecision, IsNoNumberWithoutObjects) {
  const JudgedImage image{{{slot(0), 0, 0.9F}}, {}};
  EXPECT_TRUE(std::isnan(
      average_precision(precision_curve({&image, 1}, 0, 0.5, MatchRule::voc), AreaRule::area)));
  EXPECT_THROW((void)score_detections({&image, 1}, 1), Error);
}

/// By definition, from scratch for every score: detections above it, each judged against all that
/// came before; the area by the largest precision at or beyond each recall.
double brute_force(std::span<const JudgedImage> images, double overlap) {
  std::vector<float> scores;
  double objects = 0;
  for (const auto& image : images) {
    for (const auto& found : image.detections) scores.push_back(found.score);
    objects += static_cast<double>(image.objects.size());
  }
  std::ranges::sort(scores, std::greater{});
  std::vector<std::pair<double, double>> points;  // Recall and precision.
  for (const float threshold : scores) {
    double right = 0, all = 0;
    for (const auto& image : images) {
      std::set<const Object*> taken;
      for (const float score : scores) {
        for (const auto& found : image.detections) {
          if (found.score != score || found.score < threshold) continue;
          ++all;
          const Object* best = nullptr;
          for (const auto& object : image.objects) {
            if (best == nullptr || iou(found.box, object.box) > iou(found.box, best->box))
              best = &object;
          }
          if (best != nullptr && iou(found.box, best->box) >= overlap && taken.insert(best).second)
            ++right;
        }
      }
    }
    points.emplace_back(right / objects, right / all);
  }
  double area = 0;
  for (int object = 1; object <= static_cast<int>(objects); ++object) {
    double best = 0;
    for (const auto& [recall, precision] : points)
      if (recall * objects > object - 0.5) best = std::max(best, precision);
    area += best / objects;
  }
  return area;
}

TEST(AveragePrecision, EqualsBruteForceOnRandomImages) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, "metric");
    std::vector<JudgedImage> images(static_cast<std::size_t>(1 + random.below(3)));
    const auto box = [&] {
      const auto x = static_cast<float>(random.below(6)), y = static_cast<float>(random.below(6));
      return Box{x, y, x + 3 + static_cast<float>(random.below(4)),
                 y + 3 + static_cast<float>(random.below(4))};
    };
    float score = 1;
    for (auto& image : images) {
      for (auto n = 1 + random.below(4); n > 0; --n) image.objects.push_back({box(), 0});
      for (auto n = random.below(6); n > 0; --n) {
        score -= 0.01F;
        image.detections.push_back({box(), 0, score});
      }
    }
    const auto curve = precision_curve(images, 0, 0.4, MatchRule::voc);
    EXPECT_NEAR(average_precision(curve, AreaRule::area), brute_force(images, 0.4), 1e-9) << seed;
  }
}

TEST(DetectionScore, IsTheMeanOverClassesWithObjects) {
  const JudgedImage image{{{slot(0), 0, 0.9F}}, {{slot(0), 0}, {slot(1), 1}}};
  const auto score = score_detections({&image, 1}, 3);
  EXPECT_DOUBLE_EQ(score.map50, 0.5);
  EXPECT_DOUBLE_EQ(score.coco_map50_95, 0.5);
  EXPECT_THAT(score.objects, testing::ElementsAre(1, 1, 0));
  EXPECT_TRUE(std::isnan(score.ap50[2]));
}

TEST(PrecisionCurves, AreDrawnForClassesWithObjects) {
  const JudgedImage image{{{slot(0), 0, 0.9F}, {slot(5), 0, 0.8F}}, {{slot(0), 0}, {slot(1), 0}}};
  const std::vector<std::string> names{"a<b&c", "none"};
  const auto picture = draw_precision_curves({&image, 1}, names);
  EXPECT_THAT(picture, testing::HasSubstr("a&lt;b&amp;c, AP50 0.500"));
  EXPECT_THAT(picture, testing::HasSubstr("d=\"M262.0 26.0L262.0 226.0\""));
  EXPECT_THAT(picture, testing::Not(testing::HasSubstr("none,")));
}

}  // namespace
}  // namespace laconic
