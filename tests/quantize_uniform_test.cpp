// What the laws do not know of the uniform quantizer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "laconic/error.h"
#include "quantize_samples.h"

namespace laconic {
namespace {

BlockCode run(const std::string& spec, const Sample& sample, const Prior& prior = {}) {
  return make_quantizer(spec)->quantize_block(sample.weights, sample.importance, prior);
}

std::vector<float> values(const BlockCode& code) {
  std::vector<float> out;
  for (const Index index : code.indices) out.push_back(code.codebook.levels()[index]);
  return out;
}

TEST(Uniform, RoundsToMultiplesOfTheStep) {
  const Sample sample = {"", {-1.3f, -0.75f, -0.26f, 0, 0.25f, 0.251f, 0.7f, 1.1f}};
  const auto code = run("uniform:step=0.5,value=midpoint", sample);
  // Of two equally near, the smaller.
  EXPECT_EQ(values(code), (std::vector<float>{-1.5f, -0.5f, -0.5f, 0, 0, 0.5f, 0.5f, 1}));
  EXPECT_EQ(code.codebook, Codebook::evenly_spaced(0.5f, -3, 6));  // -1 is kept, though unused.
}

TEST(Uniform, ADeadZoneWidensZeroAlone) {
  const Sample sample = {"", {-0.6f, 0.69f, 0.71f, 1.4f, 1.6f}};
  EXPECT_EQ(values(run("uniform:step=1,value=midpoint,dead_zone=0.7", sample)),
            (std::vector<float>{0, 0, 1, 1, 2}));
  EXPECT_EQ(values(run("uniform:step=1,value=midpoint,dead_zone=1.5", sample)),
            (std::vector<float>{0, 0, 0, 0, 2}));
}

TEST(Uniform, LevelsMayBeMeans) {
  const Sample sample = {"", {0.8f, 1.4f, 0, 2}, {3, 1, 0, 0}};
  EXPECT_EQ(run("uniform:step=1,value=mean", sample).codebook, Codebook({0, 1.1f, 2}));
  // Zero and two, without importance, keep their plain means.
  EXPECT_EQ(run("uniform:step=1", sample).codebook, Codebook({0, 0.95f, 2}));
}

TEST(Uniform, PinsOnlyMultiplesOfItsStep) {
  const Sample sample = {"", {0.8f, 1.4f}};
  const std::vector<float> pins = {-1, 1, 2};
  EXPECT_EQ(run("uniform:step=0.5", sample, {.pinned = pins}).codebook, Codebook({-1, 1, 1.4f, 2}));
  EXPECT_EQ(run("uniform:step=1,value=midpoint", sample, {.pinned = pins}).codebook,
            Codebook({-1, 0, 1, 2}));
  const auto message = [&](const char* spec, std::vector<float> pinned) {
    try {
      (void)run(spec, sample, {.pinned = pinned});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message("uniform:step=0.5", {0.3f}), testing::HasSubstr("cannot pin 0.3"));
  EXPECT_THAT(message("uniform:step=1e-3", {1e9f}), testing::HasSubstr("cannot pin 1000000000"));
  EXPECT_THAT(message("uniform", {1}), testing::HasSubstr("only 0"));
  EXPECT_THAT(message("uniform:step=1e-6", {}), testing::HasSubstr("too fine for a weight of 1.4"));
}

TEST(Uniform, FindsTheFinestStepForAnEntropy) {
  const Sample sample = {"", gaussian(20000, 1)};
  for (const double bits : {0.3, 1.0, 2.5, 4.0}) {
    const auto code = run(fmt::format("uniform:bits={}", bits), sample);
    const double entropy = ideal_bits(code) / 20000;
    EXPECT_LE(entropy, bits * (1 + 1e-9));
    EXPECT_GE(entropy, 0.98 * bits);
  }
  // Five bits tell 20 weights apart: no step is too fine.
  const Sample few = {"", gaussian(20, 1)};
  EXPECT_LT(weighted_error(few.weights, {}, run("uniform:bits=5", few)), 1e-12);
}

/// The least error of `levels` consecutive multiples of any of very many steps.
double least_error(const Sample& sample, int levels) {
  double least = INFINITY;
  const float largest =
      std::abs(*std::max_element(sample.weights.begin(), sample.weights.end(),
                                 [](float a, float b) { return std::abs(a) < std::abs(b); }));
  for (double step = 2.5 * largest; step > largest / (4 * levels); step *= 0.999) {
    for (int first = -2 * levels; first <= levels; ++first) {
      double error = 0;
      for (std::size_t i = 0; i < sample.weights.size(); ++i) {
        const double nearest =
            std::clamp<double>(std::nearbyint(sample.weights[i] / step), first, first + levels - 1);
        error +=
            importance_at(sample.importance, i) * std::pow(sample.weights[i] - nearest * step, 2);
      }
      least = std::min(least, error);
    }
  }
  return least;
}

TEST(Uniform, FindsAboutTheBestStepForSoManyLevels) {
  std::vector<Sample> samples = {{"gaussian", gaussian(150, 1)},
                                 {"weighted", gaussian(100, 2), log_normal(100, 3)},
                                 {"heavy tails", heavy_tailed(100, 4)}};
  samples.push_back({"far from zero", gaussian(100, 5)});
  for (float& weight : samples.back().weights) weight += 0.4f;
  for (const auto& sample : samples) {
    for (const int levels : {2, 3, 8}) {
      const auto spec = fmt::format("uniform:levels={},value=midpoint", levels);
      const auto code = run(spec, sample);
      EXPECT_LE(code.codebook.size(), static_cast<std::size_t>(levels));
      EXPECT_LE(weighted_error(sample.weights, sample.importance, code),
                1.005 * least_error(sample, levels))
          << sample.name << " " << levels;
      const auto mean = run(fmt::format("uniform:levels={}", levels), sample);
      EXPECT_LE(weighted_error(sample.weights, sample.importance, mean),
                weighted_error(sample.weights, sample.importance, code) * (1 + 1e-6));
    }
  }
}

TEST(Uniform, OptionsMustAgree) {
  EXPECT_THROW((void)make_quantizer("uniform:step=0.1,bits=2"), Error);
  EXPECT_THROW((void)make_quantizer("uniform:step=1e-60"), Error);
  EXPECT_THROW((void)make_quantizer("uniform:step=1e60"), Error);
  EXPECT_THROW((void)make_quantizer("uniform:dead_zone=0.4"), Error);
}

}  // namespace
}  // namespace laconic
