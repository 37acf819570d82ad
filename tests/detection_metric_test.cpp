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

/// In any order: the best 100 of a class.
TEST(AveragePrecision, CocoCountsAHundredDetectionsOfAnImage) {
  JudgedImage image{{}, {{slot(0), 0}, {slot(1), 0}}};
  for (int i = 0; i < 102; ++i) {
    const Box box = i == 0 ? slot(0) : i == 101 ? slot(1) : slot(100 + i);
    image.detections.push_back({box, 0, 0.001F * static_cast<float>(i + 1)});
  }
  const auto points = [&](MatchRule rule) {
    return precision_curve({&image, 1}, 0, 0.5, rule).points;
  };
  ASSERT_EQ(points(MatchRule::coco).size(), 100u);
  EXPECT_EQ(points(MatchRule::coco).front().precision, 1);
  EXPECT_EQ(points(MatchRule::coco).back().recall, 0.5);
  EXPECT_EQ(points(MatchRule::voc).size(), 102u);
  EXPECT_EQ(points(MatchRule::voc).back().recall, 1);
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

/// What lies in a crowd is let pass, however small, unless it is an object to be found.
TEST(AveragePrecision, CrowdsExcuseWhatLiesInThem) {
  const Object crowd{{0, 0, 100, 100}, 0, true, true};
  const JudgedImage image{
      {{{10, 10, 20, 20}, 0, 0.9F}, {{50, 50, 55, 55}, 0, 0.8F}, {{98, 98, 108, 108}, 0, 0.7F}},
      {crowd, {{10, 10, 20, 20}, 0}}};
  // The crowd overlaps it more than the object does.
  const JudgedImage large{{{{0, 0, 100, 90}, 0, 0.9F}}, {crowd, {{0, 0, 100, 80}, 0}}};
  for (const auto rule : {MatchRule::voc, MatchRule::coco}) {
    const auto curve = precision_curve({&image, 1}, 0, 0.5, rule);
    EXPECT_EQ(curve.objects, 1);
    ASSERT_EQ(curve.points.size(), 2u);
    EXPECT_EQ(curve.points[0].precision, 1);
    EXPECT_EQ(curve.points[1].precision, 0.5);
    EXPECT_EQ(average_precision(precision_curve({&large, 1}, 0, 0.5, rule), AreaRule::area), 1);
  }
}

/// An object that it hardly touches is no reason to call a detection of a difficult one wrong.
TEST(AveragePrecision, DifficultObjectsExcuseBesideOthers) {
  const JudgedImage image{{{{0, 0, 10, 10}, 0, 0.9F}, {{8, 0, 20, 10}, 0, 0.8F}},
                          {{{0, 0, 10, 10}, 0, true}, {{8, 0, 20, 10}, 0}}};
  for (const auto rule : {MatchRule::voc, MatchRule::coco}) {
    const auto curve = precision_curve({&image, 1}, 0, 0.5, rule);
    EXPECT_EQ(curve.points.size(), 1u);
  }
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

/// One to three images with objects of one class, and detections of falling scores.
std::vector<JudgedImage> random_images(Random& random) {
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
  return images;
}

TEST(AveragePrecision, EqualsBruteForceOnRandomImages) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, "metric");
    const auto images = random_images(random);
    const auto curve = precision_curve(images, 0, 0.4, MatchRule::voc);
    EXPECT_NEAR(average_precision(curve, AreaRule::area), brute_force(images, 0.4), 1e-9) << seed;
  }
}

/// By the steps of COCO's own evaluation (cocoeval.py), which goes through the objects for each
/// detection; one class, all areas, one overlap.
double coco_by_the_book(std::span<const JudgedImage> images, double overlap) {
  struct Judged {
    float score;
    bool right, ignored;
  };
  std::vector<Judged> all;
  double objects = 0;
  for (const auto& image : images) {
    auto truths = image.objects;  // Those to be found come first.
    std::ranges::stable_sort(truths, {}, &Object::difficult);
    objects += static_cast<double>(std::ranges::count(truths, false, &Object::difficult));
    std::vector<bool> matched(truths.size());
    for (const auto& found : image.detections) {
      double least = std::min(overlap, 1 - 1e-10);
      int best = -1;
      for (int g = 0; g < static_cast<int>(truths.size()); ++g) {
        const auto& truth = truths[static_cast<std::size_t>(g)];
        if (matched[static_cast<std::size_t>(g)] && !truth.crowd) continue;
        if (best >= 0 && !truths[static_cast<std::size_t>(best)].difficult && truth.difficult)
          break;
        const double w =
            std::min(found.box.x2, truth.box.x2) - std::max(found.box.x1, truth.box.x1);
        const double h =
            std::min(found.box.y2, truth.box.y2) - std::max(found.box.y1, truth.box.y1);
        const double both = std::max(0.0, w) * std::max(0.0, h);
        const double own = found.box.width() * found.box.height();
        const double other = truth.box.width() * truth.box.height();
        const double share = both / (truth.crowd ? own : own + other - both);
        if (share < least) continue;
        least = share;
        best = g;
      }
      if (best >= 0) matched[static_cast<std::size_t>(best)] = true;
      const bool ignored = best >= 0 && truths[static_cast<std::size_t>(best)].difficult;
      all.push_back({found.score, best >= 0, ignored});
    }
  }
  std::ranges::stable_sort(all, std::greater{}, &Judged::score);
  std::vector<double> recalls, precisions;
  double right = 0, wrong = 0;
  for (const auto& one : all) {
    right += one.right && !one.ignored ? 1 : 0;
    wrong += !one.right && !one.ignored ? 1 : 0;
    recalls.push_back(right / objects);
    precisions.push_back(right / (right + wrong + 0x1p-52));
  }
  for (std::size_t i = precisions.size(); i-- > 1;)
    precisions[i - 1] = std::max(precisions[i - 1], precisions[i]);
  double sum = 0;
  for (int i = 0; i <= 100; ++i) {
    const auto at = std::ranges::lower_bound(recalls, i / 100.0 - 1e-12) - recalls.begin();
    if (at < std::ssize(recalls)) sum += precisions[static_cast<std::size_t>(at)];
  }
  return sum / 101;
}

TEST(AveragePrecision, EqualsCocosOwnEvaluationOnRandomImages) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed, "coco");
    auto images = random_images(random);
    for (auto& image : images) {
      if (random.below(2) == 0) continue;
      const auto x = static_cast<float>(random.below(4));
      image.objects.insert(image.objects.begin(), {{x, x, x + 7, x + 7}, 0, true, true});
    }
    for (const double overlap : {0.3, 0.5, 0.75}) {
      const auto curve = precision_curve(images, 0, overlap, MatchRule::coco);
      EXPECT_NEAR(average_precision(curve, AreaRule::points_101), coco_by_the_book(images, overlap),
                  1e-9)
          << seed << " " << overlap;
    }
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

TEST(DetectionScore, GivesEachFigureByItsRule) {
  // Objects that overlap, so that the rules differ, and boxes that fit some of COCO's overlaps
  // only.
  const Box left{0, 0, 10, 10}, right{3, 0, 13, 10}, far{40, 0, 50, 10};
  const JudgedImage image{{{left, 0, 0.9F}, {{1, 0, 11, 10}, 0, 0.8F}, {{40, 0, 50, 13}, 0, 0.7F}},
                          {{left, 0}, {right, 0}, {far, 0}, {{80, 0, 90, 10}, 0}}};
  const auto by = [&](double overlap, MatchRule match, AreaRule area) {
    return average_precision(precision_curve({&image, 1}, 0, overlap, match), area);
  };
  const auto score = score_detections({&image, 1}, 1);
  EXPECT_EQ(score.map50, by(0.5, MatchRule::voc, AreaRule::area));
  EXPECT_EQ(score.ap50[0], score.map50);
  EXPECT_EQ(score.map50_2007, by(0.5, MatchRule::voc, AreaRule::eleven_points));
  EXPECT_EQ(score.coco_map50, by(0.5, MatchRule::coco, AreaRule::points_101));
  double sum = 0;
  for (int i = 0; i < 10; ++i) sum += by(0.5 + 0.05 * i, MatchRule::coco, AreaRule::points_101);
  EXPECT_NEAR(score.coco_map50_95, sum / 10, 1e-12);
  const std::set different{score.map50,
                           score.map50_2007,
                           score.coco_map50,
                           score.coco_map50_95,
                           by(0.5, MatchRule::coco, AreaRule::area),
                           by(0.5, MatchRule::voc, AreaRule::points_101)};
  EXPECT_EQ(different.size(), 6u);
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
