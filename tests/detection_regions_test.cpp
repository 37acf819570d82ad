#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "detection/pooling.h"
#include "detection/regions.h"
#include "detection_samples.h"
#include "laconic/error.h"
#include "laconic/random.h"

namespace laconic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

TEST(BoxShift, GoesThereAndBack) {
  Random random(1);
  const auto box = [&] {
    const auto x = static_cast<float>(100 * random.uniform());
    const auto y = static_cast<float>(100 * random.uniform());
    return Box{x, y, x + 1 + static_cast<float>(50 * random.uniform()),
               y + 1 + static_cast<float>(50 * random.uniform())};
  };
  for (int i = 0; i < 100; ++i) {
    const Box from = box(), to = box();
    const Box back = shifted(from, shift_between(from, to));
    EXPECT_NEAR(back.x1, to.x1, 1e-3);
    EXPECT_NEAR(back.y1, to.y1, 1e-3);
    EXPECT_NEAR(back.x2, to.x2, 1e-3);
    EXPECT_NEAR(back.y2, to.y2, 1e-3);
  }
  const Box grown = shifted({0, 0, 10, 10}, {0, 0, 1e30F, 1e30F});
  EXPECT_TRUE(std::isfinite(grown.x2) && std::isfinite(grown.y1));
}

TEST(Suppress, KeepsTheBestOfThoseThatOverlap) {
  const std::vector<Box> boxes{{0, 0, 10, 10}, {1, 0, 11, 10}, {20, 0, 30, 10}, {2, 0, 12, 10}};
  const std::vector<float> scores{0.5F, 0.9F, 0.1F, 0.8F};
  EXPECT_THAT(suppress(boxes, scores, 0.5, 10), ElementsAre(1, 2));
  EXPECT_THAT(suppress(boxes, scores, 0.9, 10), ElementsAre(1, 3, 0, 2));
  EXPECT_THAT(suppress(boxes, scores, 0.9, 2), ElementsAre(1, 3));
}

TEST(Suppress, KeepsWhatComparingAllInTurnKeeps) {
  Random random(3, "boxes");
  const auto side = [&](double most) {
    return static_cast<float>(random.below(static_cast<std::uint64_t>(most)));
  };
  for (const double overlap : {0.0, 0.25, 0.5, 0.7}) {
    std::vector<Box> boxes;
    std::vector<float> scores;
    for (int i = 0; i < 300; ++i) {
      // Whole sides of a few pixels: shares of a quarter and a half come up, and boxes without
      // area.
      const float x = side(20), y = side(20);
      boxes.push_back({x, y, x + side(9), y + side(9)});
      scores.push_back(static_cast<float>(300 - i));
    }
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (std::ranges::none_of(expected,
                               [&](std::size_t k) { return iou(boxes[k], boxes[i]) > overlap; }))
        expected.push_back(i);
    }
    EXPECT_EQ(suppress(boxes, scores, overlap, 300), expected) << overlap;
  }
}

TEST(Suppress, LeavesOutScoresThatAreNoNumber) {
  const std::vector<Box> boxes{{0, 0, 1, 1}, {2, 2, 3, 3}, {4, 4, 5, 5}};
  const auto inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(suppress(boxes, std::vector{std::nanf(""), 0.2F, inf}, 0.5, 10), ElementsAre(1));
}

TEST(Anchors, StandInTheMiddleOfCells) {
  const auto form = small_form();
  const auto anchors = anchors_of(form, 2, 3);
  ASSERT_EQ(anchors.size(), 2u * 3 * 4);
  // The second cell of the first row, first size, ratio 1.
  EXPECT_EQ(anchors[5], (Box{6, -2, 18, 10}));
  const Box flat = anchors[4];
  EXPECT_NEAR(flat.height() / flat.width(), 0.5, 1e-6);
  EXPECT_NEAR(flat.height() * flat.width(), 144, 1e-3);
}

constexpr PoolingShape shape{3, 2, 5, 7, 8};

std::vector<float> random_maps(std::uint64_t seed) {
  std::vector<float> maps(3 * 4 * 5 * 7);
  Random random(seed);
  for (float& value : maps) value = static_cast<float>(random.normal());
  return maps;
}

/// Mean over a fine grid of points; exact where the region's edges and bins lie on the grid.
std::vector<double> sampled(std::span<const float> maps, const Box& region) {
  std::vector<double> out(3);
  for (int bin = 0; bin < 4; ++bin) {
    const double w = (static_cast<double>(region.x2) - region.x1) / 2;
    const double h = (static_cast<double>(region.y2) - region.y1) / 2;
    const double x0 = region.x1 + w * (bin % 2), y0 = region.y1 + h * (bin / 2);
    std::vector<double> sum(3);
    double count = 0;
    for (double y = y0 + 0.25; y < y0 + h; y += 0.5) {
      for (double x = x0 + 0.25; x < x0 + w; x += 0.5) {
        if (x < 0 || y < 0 || x >= 56 || y >= 40) continue;
        ++count;
        const auto cell = static_cast<std::size_t>(static_cast<int>(y / 8) * 7 + x / 8);
        for (std::size_t g = 0; g < 3; ++g)
          sum[g] += maps[(g * 4 + static_cast<std::size_t>(bin)) * 35 + cell];
      }
    }
    for (std::size_t g = 0; g < 3 && count > 0; ++g) out[g] += sum[g] / count / 4;
  }
  return out;
}

TEST(Pooling, EqualsTheMeanOverAFineGrid) {
  const auto maps = random_maps(3);
  for (const Box& region : {Box{0, 0, 56, 40}, Box{3, 5, 12, 8}, Box{10, 10, 13, 11},
                            Box{-6, -4, 20, 12}, Box{40, 30, 70, 50}}) {
    std::vector<float> out(3);
    pool_region(shape, maps, region, out);
    const auto expected = sampled(maps, region);
    for (std::size_t g = 0; g < 3; ++g) EXPECT_NEAR(out[g], expected[g], 1e-5);
  }
}

TEST(Pooling, OutsideTheMapsIsNothing) {
  std::vector<float> out(3, 7);
  pool_region(shape, random_maps(3), {100, 100, 120, 120}, out);
  EXPECT_THAT(out, ElementsAre(0, 0, 0));
  pool_region(shape, random_maps(3), {10, 10, 10, 10}, out);
  EXPECT_THAT(out, ElementsAre(0, 0, 0));
}

TEST(Pooling, GradientEqualsFiniteDifferences) {
  const std::vector<float> out_gradient{0.5F, -1, 2};
  for (const Box& region : {Box{3.3F, 5.1F, 30.7F, 28.2F}, Box{-6, -4, 20, 12}}) {
    auto maps = random_maps(5);
    std::vector<float> gradient(maps.size());
    pool_region_backward(shape, region, out_gradient, gradient);
    const auto value = [&] {
      std::vector<float> out(3);
      pool_region(shape, maps, region, out);
      return std::inner_product(out.begin(), out.end(), out_gradient.begin(), 0.0);
    };
    for (std::size_t i = 0; i < maps.size(); i += 3) {
      const float kept = maps[i];
      maps[i] = kept + 1;
      const double up = value();
      maps[i] = kept - 1;
      const double down = value();
      maps[i] = kept;
      EXPECT_NEAR(gradient[i], (up - down) / 2, 1e-5) << i;
    }
  }
}

TEST(Detect, FindsWhatTheMapsSay) {
  const auto form = small_form();
  RandomMaps maps(form, 4, 6, 1);
  for (auto* map : {&maps.shifts, &maps.classes, &maps.boxes}) std::ranges::fill(*map, 0.0F);
  std::ranges::fill(maps.objectness, -5.0F);
  // Of the second class in the cell at row 2, column 3: the square anchor of 24 pixels.
  const auto anchor = static_cast<std::size_t>((2 * 6 + 3) * 4 + 3);
  maps.objectness[objectness_place(form, maps.view(), anchor)] = 5;
  for (std::size_t i = 0; i < maps.classes.size(); ++i)
    maps.classes[i] = i / (4 * 24) == 2 ? 10.0F : 0.0F;
  const auto found = detect(form, maps.view(), 32, 48, {.proposals = 1});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].label, 1);
  EXPECT_GT(found[0].score, 0.99F);
  EXPECT_EQ(found[0].box, (Box{16, 8, 40, 32}));
  // What lies beside a smaller image is padding.
  const auto within = detect(form, maps.view(), 20, 36, {.proposals = 1});
  ASSERT_EQ(within.size(), 1u);
  EXPECT_EQ(within[0].box, (Box{16, 8, 36, 20}));
}

TEST(Detect, GivesNothingForValuesThatAreNoNumber) {
  const auto form = small_form();
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    RandomMaps maps(form, 4, 6, 1);
    for (auto* map : {&maps.objectness, &maps.shifts, &maps.classes, &maps.boxes})
      std::ranges::fill(*map, bad);
    EXPECT_TRUE(detect(form, maps.view(), 32, 48).empty());
  }
}

TEST(Detect, RefusesMapsOfAnotherSize) {
  const auto form = small_form();
  RandomMaps maps(form, 4, 6, 1);
  maps.boxes.pop_back();
  EXPECT_THROW((void)detect(form, maps.view(), 32, 48), Error);
}

TEST(DetectorForm, IsReadBackFromItsSpec) {
  auto form = small_form();
  form.mean = {0.5, 0.25, 0.125};
  Graph graph;
  graph.name = form.spec();
  graph.inputs.push_back({"input", ElementType::float32, {-1, 3, 32, 48}});
  for (const std::int64_t channels : {4, 16, 12, 16}) {
    graph.outputs.push_back({"map", ElementType::float32, {-1, channels, 4, 6}});
  }
  ASSERT_TRUE(is_detector(graph));
  EXPECT_EQ(detector_form(graph).spec(), form.spec());
  graph.outputs[2].shape[1] = 13;
  EXPECT_THROW((void)detector_form(graph), Error);
  graph.outputs[2].shape[1] = 12;
  graph.name = "rfcn:classes=a,sizes=-1,ratios=1";
  EXPECT_THROW((void)detector_form(graph), Error);
  graph.name = "rfcn:nonsense";
  EXPECT_THROW((void)detector_form(graph), Error);
  form.classes = {"a,b"};
  EXPECT_THROW((void)form.spec(), Error);
}

}  // namespace
}  // namespace laconic
