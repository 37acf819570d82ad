// Levels that follow from the step of a pass.

#include "train/post/layer_choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "laconic/random.h"

namespace laconic {
namespace {

constexpr double deviation = 0.1;

std::vector<float> normal_weights() {
  Random random(7);
  std::vector<float> weights(8192);
  for (auto& weight : weights) weight = static_cast<float>(deviation * random.normal());
  return weights;
}

/// Mean squared error of each weight at the nearest of the levels that a bare name comes to.
double error_at(const std::string& quantizer, double step) {
  const auto weights = normal_weights();
  LayerChoice choice;
  choice.quantizer = quantizer;
  const auto tensor =
      first_levels(choice, step, {static_cast<std::int64_t>(weights.size())}, weights);
  double error = 0;
  for (const float weight : weights) {
    const auto& codebook = tensor.codebooks[0];
    error += std::pow(weight - codebook.levels()[codebook.nearest(weight)], 2);
  }
  return error / static_cast<double>(weights.size());
}

class ABareName : public testing::TestWithParam<std::string> {};

TEST_P(ABareName, LeavesLevelsToTheStep) {
  EXPECT_LT(error_at(GetParam(), 0.2 * deviation), 0.3 * error_at(GetParam(), deviation));
}

TEST_P(ABareName, ErrsAboutAsEvenStepsDo) {
  const double step = 0.5 * deviation;
  EXPECT_LT(error_at(GetParam(), step), 3 * step * step / 12);
}

INSTANTIATE_TEST_SUITE_P(EachQuantizer, ABareName, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const auto& member : quantizers()) names.emplace_back(member.name);
                           return names;
                         }()),
                         [](const auto& of) { return of.param; });

TEST(LayerChoice, SpecsFollowTheStep) {
  const auto weights = normal_weights();
  const auto spec = [&](const std::string& quantizer, double step) {
    return spec_at({.quantizer = quantizer}, step, weights);
  };
  EXPECT_EQ(spec("scaled", 3 * deviation), "scaled:pattern=ternary");
  EXPECT_EQ(spec("scaled", deviation), "scaled:pattern=linear,bits=3");
  EXPECT_EQ(spec("scaled", 0.001 * deviation), "scaled:pattern=linear,bits=6");
  EXPECT_EQ(spec("dorefa", 3), "dorefa:bits=1");
  EXPECT_EQ(spec("dorefa", 2.0 / 15), "dorefa:bits=4");
  EXPECT_EQ(spec("dorefa", 1e-6), "dorefa:bits=8");
  // What has options is taken as it is.
  EXPECT_EQ(spec("scaled:bits=4", deviation), "scaled:bits=4");
  EXPECT_FALSE(has_even_levels({.quantizer = "uniform:step=0.5"}));
  EXPECT_TRUE(has_even_levels({.quantizer = "trellis"}));
}

}  // namespace
}  // namespace laconic
