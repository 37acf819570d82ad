// What the laws do not know of scaled patterns: optima, golden values, the papers' own procedures.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "quantize/scaled_pattern.h"
#include "scaled_codes.h"

namespace laconic {
namespace {

/// Least error over all codes for the magnitudes of one sign pattern, with the best scale for each.
double brute_force(const Sample& sample, const Pattern& pattern) {
  double energy = 0;
  for (std::size_t i = 0; i < sample.weights.size(); ++i) {
    energy += importance_at(sample.importance, i) * sample.weights[i] * sample.weights[i];
  }
  double best = pattern.zero ? energy : INFINITY;
  const std::function<void(std::size_t, double, double)> place = [&](std::size_t i, double product,
                                                                     double square) {
    if (i == sample.weights.size()) {
      if (square > 0) best = std::min(best, energy - product * product / square);
      return;
    }
    const double d = importance_at(sample.importance, i),
                 w = std::abs(static_cast<double>(sample.weights[i]));
    if (pattern.zero) place(i + 1, product, square);
    for (const double q : pattern.magnitudes) place(i + 1, product + d * q * w, square + d * q * q);
  };
  place(0, 0, 0);
  return best;
}

TEST(Scaled, MatchesTheGoldenValuesOfLossAwareQuantization) {
  struct Row {
    std::vector<float> d;
    int kept;
    double ternary, ternary_scale, two, above, below, linear, linear_scale, log, log_scale;
  };
  const std::vector<Row> rows = {
      {{1, 1, 1, 1, 1},
       3,
       0.2266666667,
       0.7666666667,
       0.2250000000,
       0.75,
       0.8,
       0.0382608696,
       0.8739130435,
       0.0372972973,
       0.9189189189},
      {{0.1f, 1, 2, 4, 8},
       4,
       0.3264788732,
       0.4366197183,
       0.3038095238,
       0.5238095238,
       0.4,
       0.0905022831,
       0.8082191781,
       0.0952173913,
       0.5869565217},
      {{100, 1, 1, 1, 1},
       3,
       0.3851960784,
       0.9931372549,
       0.3475247525,
       0.9950495050,
       0.8,
       0.0564900662,
       1.0013245033,
       0.0521529920,
       0.9981492906},
      {{1, 1, 1, 1, 1000},
       5,
       1.4951792829,
       0.1021912351,
       1.0583133733,
       0.1012974052,
       0.8,
       0.7629729730,
       0.3121621622,
       0.5198859316,
       0.4174904943},
  };
  for (const auto& row : rows) {
    const Sample sample = {"", golden, row.d};
    const auto expect = [&](const std::string& spec, double loss, double scale) {
      const auto code = run(spec, sample);
      EXPECT_NEAR(weighted_error(sample.weights, sample.importance, code), loss, 2e-6)
          << spec << " " << row.d[0];
      const auto levels = code.codebook.levels();
      EXPECT_NEAR(std::max(-levels.front(), levels.back()), scale, 1e-6) << spec << " " << row.d[0];
      return code;
    };
    // The last row is the trap: all weights in the support.
    const auto ternary = values(expect("pattern=ternary", row.ternary, row.ternary_scale));
    EXPECT_EQ(std::ranges::count_if(ternary, [](float v) { return v != 0; }), row.kept) << row.d[0];
    expect("pattern=linear,bits=3", row.linear, row.linear_scale);
    expect("pattern=log,bits=3", row.log, row.log_scale);
    const auto two = expect("pattern=ternary,signs=two", row.two, std::max(row.above, row.below));
    EXPECT_NEAR(two.codebook.levels().back(), row.above, 1e-6);
    EXPECT_NEAR(-two.codebook.levels().front(), row.below, 1e-6);
  }
}

TEST(Scaled, MatchesTheGoldenValuesOfLbwNet) {
  const Sample first = {"", golden};
  const Sample second = {"", {0.9f, 0.45f, -0.33f, 0.21f, -0.12f, 0.06f, 0.05f, -0.01f}};
  const auto spec = [](int bits) {
    return fmt::format("pattern=powers,scale=power_of_two,bits={}", bits);
  };
  EXPECT_NEAR(error_of(spec(2), first), 0.39, 1e-6);
  EXPECT_EQ(values(run(spec(2), first)),
            (std::vector<float>{1, -1, 0, 0, 0}));  // Of a tie, the sparser.
  EXPECT_NEAR(error_of(spec(3), first), 0.09, 1e-6);
  EXPECT_EQ(values(run(spec(3), first)), (std::vector<float>{1, -1, 0.5f, -0.5f, 0}));
  for (const int bits : {4, 5, 6}) {
    EXPECT_NEAR(error_of(spec(bits), first), 0.043125, 1e-6);
    EXPECT_EQ(values(run(spec(bits), first)), (std::vector<float>{1, -1, 0.5f, -0.25f, 0.125f}));
  }
  EXPECT_NEAR(error_of(spec(2), second), 0.2561, 1e-6);
  EXPECT_EQ(values(run(spec(2), second)), (std::vector<float>{0.5f, 0.5f, -0.5f, 0, 0, 0, 0, 0}));
  EXPECT_NEAR(error_of(spec(3), second), 0.1061, 1e-6);
  EXPECT_EQ(values(run(spec(3), second)), (std::vector<float>{1, 0.5f, -0.5f, 0, 0, 0, 0, 0}));
  EXPECT_NEAR(error_of(spec(4), second), 0.026725, 1e-6);
  EXPECT_EQ(values(run(spec(4), second)),
            (std::vector<float>{1, 0.5f, -0.25f, 0.25f, -0.125f, 0, 0, 0}));
}

TEST(Scaled, EqualsBruteForceOnSmallInputs) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Sample sample = {"", gaussian(6, seed, 1), log_normal(6, seed + 100, 1.5)};
    if (seed % 3 == 1) sample.importance.clear();
    if (seed % 3 == 2) sample.weights = few_valued(6, seed, 5);
    const std::vector<std::pair<std::string, int>> patterns = {
        {"binary", 2}, {"ternary", 2}, {"linear", 2}, {"log", 2},
        {"linear", 3}, {"log", 3},     {"powers", 4}};
    for (const auto& [name, bits] : patterns) {
      const double best = brute_force(sample, make_pattern(name, bits));
      EXPECT_NEAR(error_of(fmt::format("pattern={},bits={}", name, bits), sample), best,
                  2e-6 * (1 + best))
          << name << bits << " " << seed;
    }
  }
}

TEST(Scaled, TwoScalesAreTwoProblemsAndNeverWorse) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Sample sample = {"", gaussian(9, seed, 1), log_normal(9, seed + 100)};
    Sample sides[2];
    for (std::size_t i = 0; i < 9; ++i) {
      auto& side = sides[sample.weights[i] < 0];
      side.weights.push_back(sample.weights[i]);
      side.importance.push_back(sample.importance[i]);
    }
    double best = 0;
    for (const auto& side : sides) {
      if (!side.weights.empty()) best += brute_force(side, make_pattern("ternary", 2));
    }
    EXPECT_NEAR(error_of("signs=two", sample), best, 2e-6 * (1 + best));
    EXPECT_LE(error_of("signs=two", sample), error_of("signs=one", sample) * (1 + 1e-6) + 1e-9);
  }
}

/// Each weight again with the other sign, as important.
Sample mirrored(Sample sample) {
  const std::size_t count = sample.weights.size();
  for (std::size_t i = 0; i < count; ++i) {
    sample.weights.push_back(-sample.weights[i]);
    if (!sample.importance.empty()) sample.importance.push_back(sample.importance[i]);
  }
  return sample;
}

TEST(Scaled, MirroredDataNeedsOneScaleOnly) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Sample half = {"", gaussian(50, seed), log_normal(50, seed + 100, 1.5)};
    if (seed % 4 == 3) half.importance.clear();
    const auto sample = mirrored(std::move(half));
    for (const char* spec :
         {"pattern=ternary", "pattern=ternary,solver=alternating", "pattern=linear,bits=3",
          "pattern=log,bits=4", "pattern=powers,bits=3,scale=power_of_two"}) {
      const auto one = run(spec, sample), two = run(std::string(spec) + ",signs=two", sample);
      EXPECT_EQ(two.codebook.levels().front(), -two.codebook.levels().back()) << spec;
      EXPECT_FLOAT_EQ(two.codebook.levels().back(), one.codebook.levels().back()) << spec;
      EXPECT_EQ(two.indices, one.indices) << spec;
      const double loss = weighted_error(sample.weights, sample.importance, one);
      EXPECT_NEAR(weighted_error(sample.weights, sample.importance, two), loss, 1e-6 * loss)
          << spec;
    }
  }
}

TEST(Scaled, TwoBitsAreTernaryInEitherSpacing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Sample sample = {"", gaussian(200, seed), log_normal(200, seed + 100)};
    for (const char* solver : {"exact", "alternating"}) {
      const auto ternary = run(fmt::format("pattern=ternary,solver={}", solver), sample);
      for (const char* spacing : {"linear", "log"}) {
        const auto code = run(fmt::format("pattern={},bits=2,solver={}", spacing, solver), sample);
        EXPECT_EQ(code.codebook, ternary.codebook) << spacing << " " << solver;
        EXPECT_EQ(code.indices, ternary.indices) << spacing << " " << solver;
      }
    }
  }
}

/// Patterns with every way to find their scale that there is.
std::vector<std::string> all_specs() {
  std::vector<std::string> specs = {
      "pattern=binary,solver=alternating",
      "pattern=ternary,threshold=mean",
      "pattern=ternary,signs=two,threshold=mu,factor=0.05",
      "pattern=powers,bits=4,scale=power_of_two,threshold=mu,factor=0.75",
      "pattern=linear,bits=3,solver=alternating,scale_rule=legacy_abs",
      "pattern=log,bits=4,solver=alternating,scale_rule=legacy_abs,signs=two"};
  for (const char* pattern :
       {"binary", "ternary", "linear,bits=2", "linear,bits=3", "linear,bits=5", "log,bits=3",
        "log,bits=4", "powers,bits=3", "powers,bits=6"}) {
    for (const char* scale : {"real", "power_of_two", "largest", "one"})
      specs.push_back(fmt::format("pattern={},scale={}", pattern, scale));
    if (pattern == std::string_view("binary")) continue;
    specs.push_back(fmt::format("pattern={},signs=two", pattern));
    specs.push_back(fmt::format("pattern={},signs=two,scale=power_of_two", pattern));
    for (const char* signs : {"one", "two"})
      specs.push_back(fmt::format("pattern={},solver=alternating,signs={}", pattern, signs));
  }
  return specs;
}

TEST(Scaled, WeightsOfOtherSignGetLevelsOfOtherSign) {
  // Weights on the borders between levels among them; binned ones too.
  std::vector<Sample> samples = {{"gaussian", gaussian(300, 1)},
                                 {"weighted", gaussian(300, 2, 1), log_normal(300, 102, 2)},
                                 {"few values", few_valued(300, 3, 9), log_normal(300, 103)},
                                 {"binned", gaussian(40000, 4), log_normal(40000, 104)}};
  for (float& weight : samples[2].weights) weight += 0.0625f;  // Binary makes zeros positive.
  for (const auto& sample : samples) {
    Sample flipped = sample;
    for (float& weight : flipped.weights) weight = -weight;
    for (const auto& spec : all_specs()) {
      auto expected = values(run(spec, sample));
      for (float& value : expected) value = value == 0 ? 0 : -value;
      EXPECT_TRUE(values(run(spec, flipped)) == expected) << sample.name << " " << spec;
    }
  }
}

TEST(Scaled, QuantizedWeightsStay) {
  std::vector<std::string> powers, real;
  for (int bits = 2; bits <= 6; ++bits) {
    for (const char* scale : {"power_of_two", "power_of_two,signs=two", "largest",
                              "power_of_two,threshold=mu,factor=0.75"})
      powers.push_back(fmt::format("pattern=powers,bits={},scale={}", bits, scale));
    for (const char* pattern : {"linear", "log", "powers"})
      real.push_back(fmt::format("pattern={},bits={}", pattern, bits));
  }
  for (const char* pattern : {"binary", "ternary", "linear,bits=4"})
    powers.push_back(fmt::format("pattern={},scale=power_of_two", pattern));
  // From TWN's codes the alternation of ternary ones needs no start to find them again.
  for (const char* spec : {"pattern=binary", "signs=two", "pattern=log,bits=4,signs=two",
                           "threshold=mean", "solver=alternating", "solver=alternating,signs=two"})
    real.emplace_back(spec);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Sample sample = {"", gaussian(200, seed, 0.3), log_normal(200, seed + 100, 1.5)};
    if (seed % 3 == 2) sample.importance.clear();
    const auto again = [&](const std::string& spec, const std::vector<float>& quantized) {
      return values(run(spec, {"", quantized, sample.importance}));
    };
    for (const auto& spec : powers) {
      const auto quantized = values(run(spec, sample));
      EXPECT_EQ(again(spec, quantized), quantized) << spec;
    }
    for (const auto& spec : real) {
      const auto quantized = values(run(spec, sample));
      EXPECT_THAT(again(spec, quantized), testing::Pointwise(testing::FloatEq(), quantized))
          << spec;
    }
  }
}

TEST(Scaled, ProximalStepOnAQuadraticEndsAtItsConstrainedOptimum) {
  // The loss is sum d (v - w)^2 / 2: from any quantized v, v - gradient / d is w.
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Sample optimum = {"", gaussian(6, seed, 1), log_normal(6, seed + 100, 1.5)};
    for (const auto& [name, bits] :
         std::vector<std::pair<std::string, int>>{{"binary", 2}, {"ternary", 2}, {"log", 3}}) {
      const auto spec = fmt::format("pattern={},bits={}", name, bits);
      Sample stepped = optimum;
      const auto before = values(run(spec, {"", gaussian(6, seed + 200, 1)}));
      for (std::size_t i = 0; i < before.size(); ++i) {
        const double d = optimum.importance[i];
        const double gradient = d * (double{before[i]} - optimum.weights[i]);
        stepped.weights[i] = static_cast<float>(before[i] - gradient / d);
      }
      const double least = brute_force(optimum, make_pattern(name, bits));
      EXPECT_NEAR(weighted_error(optimum.weights, optimum.importance, run(spec, stepped)), least,
                  2e-6 * (1 + least))
          << spec;
    }
  }
}

TEST(Scaled, TheBestPowerOfTwoIsTheBestOfAll) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Sample sample = {"", gaussian(12, seed, std::exp2(static_cast<double>(seed % 7) - 3)),
                           seed % 2 == 0 ? log_normal(12, seed + 100) : std::vector<float>{}};
    const Magnitudes weights(sample.weights, sample.importance);
    for (const auto& [name, bits] : std::vector<std::pair<std::string, int>>{{"ternary", 2},
                                                                             {"powers", 3},
                                                                             {"powers", 6},
                                                                             {"linear", 3},
                                                                             {"linear", 4},
                                                                             {"log", 4}}) {
      const auto pattern = make_pattern(name, bits);
      double best = INFINITY;
      for (int s = -20; s <= 20; ++s)
        best = std::min(best, squared_error(weights, pattern, std::ldexp(1.0, s)));
      EXPECT_NEAR(
          error_of(fmt::format("pattern={},bits={},scale=power_of_two", name, bits), sample), best,
          2e-6 * (1e-3 + best))
          << name << bits << " " << seed;
    }
  }
}

/// Blocks that are binned, of many shapes.
std::vector<Sample> large_samples() {
  constexpr std::size_t count = 40000;
  std::vector<Sample> samples = {
      {"gaussian", gaussian(count, 1, 0.05)},
      {"weighted", gaussian(count, 2, 0.05), log_normal(count, 102)},
      {"wide importance", gaussian(count, 3), log_normal(count, 103, 2.5)},
      {"few values", few_valued(count, 4, 9), log_normal(count, 104)},
      {"pruned", gaussian(count, 5)},
      {"heavy tail", gaussian(count, 6)},
      {"one outlier", gaussian(count, 7)},
      {"positive", gaussian(count, 8)},
      {"huge", gaussian(count, 9, 1e37)},
      {"tiny", gaussian(count, 10, 1e-37)},
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 10 != 0) samples[4].weights[i] = 0;
    samples[5].weights[i] = std::pow(samples[5].weights[i], 5.0f);
    samples[7].weights[i] = std::abs(samples[7].weights[i]);
  }
  samples[6].weights[17] = 1e6f;
  return samples;
}

TEST(Scaled, BinsFindWhatSortingFinds) {
  for (const auto& sample : large_samples()) {
    Sample sides[3] = {sample, {}, {}};
    const Magnitudes all(sample.weights, sample.importance);
    const double energy = all.square(0, all.values().size());
    for (std::size_t i = 0; i < sample.weights.size(); ++i) {
      auto& side = sides[sample.weights[i] < 0 ? 1 : 2];
      side.weights.push_back(sample.weights[i]);
      if (!sample.importance.empty()) side.importance.push_back(sample.importance[i]);
    }
    for (const auto& [name, bits] : std::vector<std::pair<std::string, int>>{{"binary", 2},
                                                                             {"ternary", 2},
                                                                             {"linear", 3},
                                                                             {"linear", 4},
                                                                             {"log", 4},
                                                                             {"powers", 5}}) {
      const auto pattern = make_pattern(name, bits);
      for (const std::string scale : {"real", "power_of_two"}) {
        const auto sorted = [&](const Sample& of) {
          const Magnitudes weights(of.weights, of.importance);
          const double best =
              scale == "real" ? best_scale(weights, pattern) : best_power(weights, pattern);
          return squared_error(weights, pattern, best);
        };
        const auto spec = fmt::format("pattern={},bits={},scale={}", name, bits, scale);
        const double best = sorted(sample), allowed = 1e-9 * energy + 1e-6 * best;
        EXPECT_NEAR(error_of(spec, sample), best, allowed) << sample.name << " " << spec;
        if (!pattern.zero) continue;
        const double two = sorted(sides[1]) + sorted(sides[2]);
        EXPECT_NEAR(error_of(spec + ",signs=two", sample), two, allowed)
            << sample.name << " " << spec;
      }
    }
  }
}

TEST(Scaled, ThreadsShareALargeBlockWithoutATrace) {
  constexpr std::size_t count = (3 << 18) + 1234;
  const Sample sample{"large", gaussian(count, 1), log_normal(count, 2)};
  for (const auto* spec : {"pattern=ternary", "pattern=ternary,signs=two", "pattern=log,bits=5",
                           "pattern=powers,bits=4,scale=power_of_two"}) {
    set_threads(1);
    const auto alone = run(spec, sample);
    set_threads(3);
    const auto shared = run(spec, sample);
    set_threads(0);
    EXPECT_EQ(alone.codebook, shared.codebook) << spec;
    EXPECT_EQ(alone.indices, shared.indices) << spec;
  }
  auto broken = sample;
  broken.importance[count - 1] = -1;
  EXPECT_THROW((void)run("pattern=ternary", broken), Error);
  broken.weights[count / 2] = INFINITY;
  EXPECT_THROW((void)run("pattern=ternary", broken), Error);
}

TEST(Scaled, HoldsTheBaselines) {
  const Sample sample = {"", {1, -0.8f, 0.5f, -0.3f, 0, 0.1f}};
  // BinaryConnect, with the sign of zero positive; BWN.
  EXPECT_EQ(values(run("pattern=binary,scale=one", sample)),
            (std::vector<float>{1, -1, 1, -1, 1, 1}));
  const float mean = 2.7f / 6;
  EXPECT_THAT(values(run("pattern=binary", sample)),
              testing::Pointwise(testing::FloatNear(1e-6f),
                                 std::vector<float>{mean, -mean, mean, -mean, mean, mean}));
  // TWN: 0.7 x 0.45 = 0.315 keeps three, at 2.3 / 3.
  const float kept = 2.3f / 3;
  EXPECT_THAT(values(run("threshold=mean", sample)),
              testing::Pointwise(testing::FloatNear(1e-6f),
                                 std::vector<float>{kept, -kept, kept, 0, 0, 0}));
  // INQ: 2^floor(log2(4/3)) = 1 and half of it.
  EXPECT_EQ(values(run("pattern=powers,bits=3,scale=largest", sample)),
            (std::vector<float>{1, -1, 0.5f, -0.5f, 0, 0}));
}

TEST(Dorefa, RoundsTanhToEvenSteps) {
  for (const int bits : {1, 2, 3, 8}) {
    const Sample sample = {"", gaussian(300, 1, 1)};
    const auto code =
        make_quantizer(fmt::format("dorefa:bits={}", bits))->quantize_block(sample.weights, {});
    double largest = 0;
    for (const float w : sample.weights)
      largest = std::max(largest, std::tanh(std::abs(double{w})));
    const double steps = (1 << bits) - 1;
    const auto found = values(code);
    for (std::size_t i = 0; i < 300; ++i) {
      const double share = std::tanh(double{sample.weights[i]}) / (2 * largest) + 0.5;
      EXPECT_FLOAT_EQ(found[i], static_cast<float>(2 * std::round(steps * share) / steps - 1));
    }
  }
  EXPECT_EQ(values(make_quantizer("dorefa:bits=1")->quantize_block(std::vector<float>{0, 0}, {})),
            (std::vector<float>{1, 1}));
}

TEST(Scaled, MixedUpOptionsAreRefused) {
  for (const char* spec :
       {"pattern=binary,signs=two", "scale_rule=legacy_abs", "pattern=log,threshold=mean",
        "pattern=linear,threshold=mu", "threshold=mean,solver=alternating",
        "threshold=mean,scale=one", "pattern=log,bits=7", "bits=1"}) {
    EXPECT_THROW((void)make_quantizer(std::string("scaled:") + spec), Error) << spec;
  }
  const std::vector<float> half = {0.5f}, zero = {0};
  EXPECT_THROW((void)run("pattern=ternary", {"", {1, 2}}, {.pinned = half}), Error);
  EXPECT_THROW((void)run("pattern=binary", {"", {1, 2}}, {.pinned = zero}), Error);
}

}  // namespace
}  // namespace laconic
