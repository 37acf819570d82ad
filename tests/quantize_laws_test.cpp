// The laws of the quantizer family: every row of its table is subject to them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "quantize_samples.h"

namespace laconic {
namespace {

/// A spec to hold to the laws, and which laws apply.
struct Subject {
  std::string spec;
  bool free_levels =
      false;             ///< Levels are means of their weights, indices those of nearest levels.
  int exact_fit = 0;     ///< So many distinct weights are represented exactly.
  bool scales = true;    ///< Follows a scaling of the weights: no length among its options.
  bool restarts = true;  ///< A start is never worsened.
  bool ordered = false;  ///< What a weight may become depends on those before it.
  std::vector<std::vector<float>> pins = {{0}, {0.03f}, {-7}, {0, 0.1f, -0.1f, 0.1f}};
};

void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.spec;
}

const std::vector<Subject> subjects = {
    {.spec = "uniform", .pins = {{0}}},
    {.spec = "uniform:levels=5,value=midpoint,dead_zone=0.7", .pins = {{0}}},
    {.spec = "uniform:bits=2.5,value=mean", .pins = {{0}}},
    {.spec = "uniform:levels=1", .pins = {{0}}},
    {.spec = "trellis", .ordered = true, .pins = {{0}}},
    {.spec = "trellis:bits=1.5,lambda=1", .restarts = false, .ordered = true, .pins = {{0}}},
    {.spec = "kmeans", .free_levels = true, .exact_fit = 16},
    {.spec = "kmeans:levels=4,solver=exact", .free_levels = true, .exact_fit = 4},
    {.spec = "kmeans:levels=4,solver=lloyd", .free_levels = true},
    {.spec = "kmeans:levels=17,solver=lloyd,init=powers,empty=keep", .free_levels = true},
    {.spec = "entropy_constrained", .free_levels = true, .exact_fit = 64},
    {.spec = "entropy_constrained:bits=1.5", .restarts = false},
    {.spec = "entropy_constrained:lambda=1e-4,levels=32", .scales = false},
    {.spec = "dorefa", .scales = false, .pins = {{1}, {-1, 1}}},
    {.spec = "scaled", .pins = {{0}}},
    {.spec = "scaled:pattern=binary", .pins = {}},
    {.spec = "scaled:pattern=binary,scale=one", .scales = false, .pins = {{1}, {-1, 1}}},
    {.spec = "scaled:pattern=linear,bits=4,signs=two", .pins = {{0}}},
    {.spec = "scaled:solver=alternating", .pins = {{0}}},
    {.spec = "scaled:pattern=log,solver=alternating,signs=two", .pins = {{0}}},
    {.spec = "scaled:pattern=linear,solver=alternating,scale_rule=legacy_abs",
     .restarts = false,
     .pins = {{0}}},
    {.spec = "scaled:pattern=powers,bits=5,scale=power_of_two", .pins = {{0}}},
    {.spec = "scaled:pattern=powers,bits=4,scale=largest", .pins = {{0}}},
    {.spec = "scaled:threshold=mean", .pins = {{0}}},
    {.spec = "scaled:pattern=powers,bits=4,scale=power_of_two,threshold=mu,factor=0.75",
     .pins = {{0}}},
    {.spec = "kmeans:levels=1", .free_levels = true, .exact_fit = 1, .pins = {{0}, {0.03f}}},
};

template <typename Applies>
std::vector<Subject> subjects_where(Applies applies) {
  std::vector<Subject> chosen;
  std::copy_if(subjects.begin(), subjects.end(), std::back_inserter(chosen), applies);
  return chosen;
}

std::vector<Sample> samples() {
  std::vector<Sample> all = {
      {"one", {0.25f}},
      {"one negative", {-0.25f}, {3}},
      {"two", {0.5f, -0.75f}},
      {"equal", std::vector<float>(50, 0.3f)},
      {"zeros", std::vector<float>(50, 0.0f)},
      {"both zeros", {0.0f, -0.0f, 1.0f}},
      {"few values", few_valued(500, 1, 7), log_normal(500, 2)},
      {"positive", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
      {"no importance anywhere", gaussian(100, 3), std::vector<float>(100, 0)},
      {"tiny", {1e-42f, -3e-42f, 2e-42f, 1e-45f}},
      {"huge", {3e38f, -3e38f, 1e38f, 2.5e38f, 0}},
      {"outlier", gaussian(300, 4)},
      {"gaussian", gaussian(1000, 5)},
      {"weighted", gaussian(1000, 6), log_normal(1000, 7, 2)},
      {"heavy tails", heavy_tailed(800, 8), log_normal(800, 9)},
      {"large", gaussian(40000, 10), log_normal(40000, 11)},
      {"large, few values", few_valued(40000, 12, 100), log_normal(40000, 13)},
  };
  all[11].weights[17] = 1e4f;
  Sample partly = {"some without importance", gaussian(400, 14), log_normal(400, 15)};
  for (std::size_t i = 0; i < 400; i += 3) partly.importance[i] = 0;
  all.push_back(std::move(partly));
  return all;
}

class QuantizerLaws : public testing::TestWithParam<Subject> {
 protected:
  [[nodiscard]] std::unique_ptr<Quantizer> quantizer() const {
    return make_quantizer(GetParam().spec);
  }
};
using ScalingLaws = QuantizerLaws;
using RestartLaws = QuantizerLaws;
using FreeLevelLaws = QuantizerLaws;
using ExactFitLaws = QuantizerLaws;

void expect_equal(const BlockCode& a, const BlockCode& b) {
  EXPECT_EQ(a.codebook, b.codebook);
  EXPECT_EQ(a.indices, b.indices);
}

TEST_P(QuantizerLaws, IndicesAreBelowTheNumberOfLevels) {
  const auto q = quantizer();
  for (const auto& sample : samples()) {
    SCOPED_TRACE(sample.name);
    const auto code = q->quantize_block(sample.weights, sample.importance);
    ASSERT_EQ(code.indices.size(), sample.weights.size());
    EXPECT_LT(*std::max_element(code.indices.begin(), code.indices.end()), code.codebook.size());
  }
}

TEST_P(QuantizerLaws, SameInputSameOutput) {
  const auto q = quantizer(), again = make_quantizer(q->spec());
  EXPECT_EQ(again->spec(), q->spec());
  for (const auto& sample : samples()) {
    SCOPED_TRACE(sample.name);
    const auto code = q->quantize_block(sample.weights, sample.importance);
    expect_equal(q->quantize_block(sample.weights, sample.importance), code);
    expect_equal(again->quantize_block(sample.weights, sample.importance), code);
  }
}

TEST_P(QuantizerLaws, ThreadsChangeNothing) {
  const auto q = quantizer();
  const auto weights = gaussian(6000, 1), importance = log_normal(6000, 2);
  const std::vector<WeightsView> tensors = {
      {{20, 200}, std::span(weights).first(4000), std::span(importance).first(4000)},
      {{2000}, std::span(weights).last(2000), {}}};
  for (const auto& granularity : {"joint", "tensor", "channel", "group:64"}) {
    set_threads(1);
    const auto one = quantize(*q, tensors, parse_granularity(granularity));
    set_threads(8);
    EXPECT_EQ(quantize(*q, tensors, parse_granularity(granularity)), one);
  }
  set_threads(0);
}

TEST_P(QuantizerLaws, PermutedWeightsPermuteIndices) {
  if (GetParam().ordered) return;
  const auto q = quantizer();
  for (const auto& sample : samples()) {
    SCOPED_TRACE(sample.name);
    std::vector<std::size_t> order(sample.weights.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    Random random(1);
    random.shuffle(std::span(order));
    Sample shuffled;
    for (const std::size_t i : order) {
      shuffled.weights.push_back(sample.weights[i]);
      if (!sample.importance.empty()) shuffled.importance.push_back(sample.importance[i]);
    }
    const auto code = q->quantize_block(sample.weights, sample.importance);
    const auto other = q->quantize_block(shuffled.weights, shuffled.importance);
    EXPECT_EQ(other.codebook, code.codebook);
    for (std::size_t i = 0; i < order.size(); ++i) {
      ASSERT_EQ(other.indices[i], code.indices[order[i]]) << i;
    }
  }
}

TEST_P(ScalingLaws, ScaledWeightsScaleLevels) {
  const auto q = quantizer();
  for (const auto& sample : samples()) {
    if (sample.name == "tiny" || sample.name == "huge") continue;  // Would leave the floats.
    SCOPED_TRACE(sample.name);
    const auto code = q->quantize_block(sample.weights, sample.importance);
    auto scaled = sample;
    for (float& weight : scaled.weights) weight *= 1024;
    const auto other = q->quantize_block(scaled.weights, scaled.importance);
    ASSERT_EQ(other.codebook.size(), code.codebook.size());
    for (std::size_t i = 0; i < code.codebook.size(); ++i) {
      EXPECT_EQ(other.codebook.levels()[i], 1024 * code.codebook.levels()[i]);
    }
    EXPECT_EQ(other.indices, code.indices);
  }
}

TEST_P(ScalingLaws, ScaledImportanceChangesNothing) {
  const auto q = quantizer();
  for (const auto& sample : samples()) {
    if (sample.importance.empty()) continue;
    SCOPED_TRACE(sample.name);
    auto scaled = sample;
    for (float& importance : scaled.importance) importance *= 0x1p-20f;
    expect_equal(q->quantize_block(scaled.weights, scaled.importance),
                 q->quantize_block(sample.weights, sample.importance));
  }
}

TEST_P(QuantizerLaws, AllZeroImportanceCountsAsOnes) {
  const auto q = quantizer();
  const auto weights = gaussian(100, 1);
  expect_equal(q->quantize_block(weights, std::vector<float>(100, 0)), q->quantize_block(weights));
  expect_equal(q->quantize_block(weights, std::vector<float>(100, 1)), q->quantize_block(weights));
}

TEST_P(QuantizerLaws, PinnedLevelsArePresentToTheBit) {
  const auto q = quantizer();
  for (const auto& sample : samples()) {
    for (const auto& pins : GetParam().pins) {
      SCOPED_TRACE(sample.name + ", " + std::to_string(pins.size()) + " pinned");
      const auto code = q->quantize_block(sample.weights, sample.importance, {.pinned = pins});
      const auto levels = code.codebook.levels();
      for (const float pin : pins) EXPECT_THAT(levels, testing::Contains(pin));
    }
  }
}

TEST_P(RestartLaws, ARunStartedFromACodebookNeverEndsWorse) {
  const auto q = quantizer();
  for (const auto& sample : samples()) {
    SCOPED_TRACE(sample.name);
    const auto first = q->quantize_block(sample.weights, sample.importance);
    const auto second =
        q->quantize_block(sample.weights, sample.importance, {.start = &first.codebook});
    const double before = weighted_error(sample.weights, sample.importance, first);
    EXPECT_LE(weighted_error(sample.weights, sample.importance, second), before * (1 + 1e-6));
  }
}

TEST_P(QuantizerLaws, BadInputIsRefused) {
  const auto q = quantizer();
  const auto message = [&](std::vector<float> weights, std::vector<float> importance,
                           std::vector<float> pins = {}) {
    try {
      (void)q->quantize_block(weights, importance, {.pinned = pins});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message({}, {}), testing::HasSubstr("no weights"));
  EXPECT_THAT(message({1, NAN}, {}), testing::HasSubstr("weight 1 is nan"));
  EXPECT_THAT(message({1, 2, -INFINITY}, {}), testing::HasSubstr("weight 2 is -inf"));
  EXPECT_THAT(message({1, 2}, {1}), testing::HasSubstr("1 importances for 2 weights"));
  EXPECT_THAT(message({1, 2}, {1, -1}), testing::HasSubstr("importance 1 is -1"));
  EXPECT_THAT(message({1, 2}, {NAN, 1}), testing::HasSubstr("importance 0 is nan"));
  EXPECT_THAT(message({1, 2}, {INFINITY, 1}), testing::HasSubstr("importance 0 is inf"));
  EXPECT_THAT(message({1, 2}, {}, {NAN}), testing::HasSubstr("pinned level is nan"));
}

TEST_P(FreeLevelLaws, FreeLevelsAreMeansOfTheirWeights) {
  const auto q = quantizer();
  const std::vector<float> pins = {0};
  for (const auto& sample : samples()) {
    for (const bool pinned : {false, true}) {
      SCOPED_TRACE(sample.name + (pinned ? ", zero pinned" : ""));
      const auto importance =
          sample.name == "no importance anywhere" ? std::vector<float>{} : sample.importance;
      const auto code = q->quantize_block(sample.weights, sample.importance,
                                          pinned ? Prior{.pinned = pins} : Prior{});
      std::vector<double> h(code.codebook.size()), s(code.codebook.size());
      double range = 0;
      for (std::size_t i = 0; i < sample.weights.size(); ++i) {
        h[code.indices[i]] += importance_at(importance, i);
        s[code.indices[i]] += importance_at(importance, i) * sample.weights[i];
        range = std::max(range, std::abs(static_cast<double>(sample.weights[i])));
      }
      for (std::size_t level = 0; level < h.size(); ++level) {
        const float value = code.codebook.levels()[level];
        if (h[level] > 0 && !(pinned && value == 0)) {
          EXPECT_NEAR(value, s[level] / h[level], 1e-6 * range + 0x1p-149) << level;
        }
      }
      for (std::size_t i = 0; i < sample.weights.size(); ++i) {
        ASSERT_EQ(code.indices[i], code.codebook.nearest(sample.weights[i])) << i;
      }
    }
  }
}

TEST_P(FreeLevelLaws, QuantizingTheResultGivesItBack) {
  const auto q = quantizer();
  for (const auto& sample : samples()) {
    SCOPED_TRACE(sample.name);
    const auto code = q->quantize_block(sample.weights, sample.importance);
    std::vector<float> quantized;
    for (const Index index : code.indices) quantized.push_back(code.codebook.levels()[index]);
    const auto again = q->quantize_block(quantized, sample.importance, {.start = &code.codebook});
    for (std::size_t i = 0; i < quantized.size(); ++i) {
      if (!sample.importance.empty() && sample.importance[i] == 0) continue;
      ASSERT_EQ(again.codebook.levels()[again.indices[i]], quantized[i]) << i;
    }
  }
}

TEST_P(ExactFitLaws, AsFewDistinctWeightsAsLevelsAreExact) {
  const auto q = quantizer();
  const int levels = GetParam().exact_fit;
  for (const std::size_t count : {20, 500, 40000}) {
    auto weights = few_valued(count, 1, levels);
    weights[0] = weights[1] + 1e-6f;  // One more value, very near another, in place of one level.
    if (levels == 1) weights[0] = weights[1];
    const auto importance = log_normal(count, 2);
    if (levels > 1) {
      for (float& weight : weights) {
        if (weight == static_cast<float>(-(levels / 2)) * 0.125f) weight = 0;
      }
    }
    const auto code = q->quantize_block(weights, importance);
    EXPECT_EQ(weighted_error(weights, importance, code), 0) << count;
  }
}

std::string test_name(const testing::TestParamInfo<Subject>& subject) {
  std::string name = subject.param.spec;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, QuantizerLaws, testing::ValuesIn(subjects), test_name);
INSTANTIATE_TEST_SUITE_P(Scaling, ScalingLaws,
                         testing::ValuesIn(subjects_where([](const auto& s) { return s.scales; })),
                         test_name);
INSTANTIATE_TEST_SUITE_P(
    Restarting, RestartLaws,
    testing::ValuesIn(subjects_where([](const auto& s) { return s.restarts; })), test_name);
INSTANTIATE_TEST_SUITE_P(
    FreeLevels, FreeLevelLaws,
    testing::ValuesIn(subjects_where([](const auto& s) { return s.free_levels; })), test_name);
INSTANTIATE_TEST_SUITE_P(
    ExactFit, ExactFitLaws,
    testing::ValuesIn(subjects_where([](const auto& s) { return s.exact_fit > 0; })), test_name);

TEST(QuantizerFamily, EveryMemberIsHeldToTheLaws) {
  for (const auto& member : quantizers()) {
    EXPECT_TRUE(std::any_of(subjects.begin(), subjects.end(), [&](const auto& s) {
      return spec_name(s.spec) == member.name;
    })) << member.name;
    EXPECT_EQ(make_quantizer(make_quantizer(member.name)->spec())->spec(),
              make_quantizer(member.name)->spec());
  }
}

}  // namespace
}  // namespace laconic
