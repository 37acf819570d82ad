// The papers' own procedures for scaled patterns: thresholds of LBW-Net, alternation of LAQ, and
// what they must not beat.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "quantize/scaled_pattern.h"
#include "scaled_codes.h"

namespace laconic {
namespace {

TEST(Scaled, PowerOfCodesMinimizesItsQuadratic) {
  Random random(1);
  for (int trial = 0; trial < 1000; ++trial) {
    const CodeSums sums{std::exp(4 * random.normal()), std::exp(4 * random.normal()), 0};
    const auto cost = [&](double scale) {
      return sums.square * scale * scale - 2 * sums.product * scale;
    };
    const double found = cost(power_of_codes(sums));
    for (int s = -60; s <= 60; ++s)
      EXPECT_LE(found, cost(std::ldexp(1.0, s)) + 1e-12 * std::abs(found));
  }
}

TEST(Scaled, MorePowersNeverHurt) {
  const Sample sample = {"", gaussian(400, 1)};
  double before = INFINITY;
  for (int bits = 2; bits <= 6; ++bits) {
    const auto spec = fmt::format("pattern=powers,bits={},scale=", bits);
    const double error = error_of(spec + "power_of_two", sample);
    EXPECT_LE(error, before * (1 + 1e-6));
    EXPECT_LE(error, error_of(spec + "largest", sample) * (1 + 1e-6));
    if (bits > 2) {
      EXPECT_LT(error, error_of(spec + "power_of_two,threshold=mu,factor=0.75", sample));
    }
    before = error;
  }
}

/// The level of the pattern at this scale that is nearest to the weight, by comparing with all.
double nearest_level(float weight, const Pattern& pattern, double scale) {
  double best = 0;
  for (const double magnitude : pattern.magnitudes) {
    const double level = std::copysign(scale * magnitude, weight);
    if (std::abs(weight - level) < std::abs(weight - best)) best = level;
  }
  return best;
}

float largest_magnitude(std::span<const float> weights) {
  float largest = 0;
  for (const float weight : weights) largest = std::max(largest, std::abs(weight));
  return largest;
}

TEST(Scaled, ThresholdsOfLbwNetAreNearestAtTheirScale) {
  std::vector<Sample> samples = {{"", {1.0f, 0.9f, -0.7f, 0.35f, 0.2f, -0.08f, 0.05f, 0.01f}}};
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    samples.push_back({"", gaussian(300, seed, std::exp(static_cast<double>(seed) - 5)),
                       seed % 2 == 0 ? log_normal(300, seed + 100) : std::vector<float>{}});
  }
  for (const auto& sample : samples) {
    const float largest = largest_magnitude(sample.weights);
    const int highest = static_cast<int>(std::floor(std::log2(4 * double{largest} / 3)));
    for (int bits = 3; bits <= 6; ++bits) {
      const auto pattern = make_pattern("powers", bits);
      for (int s = highest - 2; s <= highest; ++s) {
        // mu = 3/4 of 2^s, given in shares of the largest weight.
        const double scale = std::ldexp(1.0, s), factor = 0.75 * scale / double{largest};
        const auto found = values(
            run(fmt::format("pattern=powers,bits={},scale=power_of_two,threshold=mu,factor={}",
                            bits, factor),
                sample));
        std::vector<double> codes;
        double product = 0, square = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
          const double d = importance_at(sample.importance, i);
          codes.push_back(nearest_level(sample.weights[i], pattern, scale) / scale);
          product += d * codes[i] * sample.weights[i];
          square += d * codes[i] * codes[i];
        }
        // The scale is the power of two that suits these codes best.
        const auto cost = [&](double a) { return a * a * square - 2 * a * product; };
        double best = 1;
        for (int exponent = -40; exponent <= 10; ++exponent) {
          if (cost(std::ldexp(1.0, exponent)) < cost(best)) best = std::ldexp(1.0, exponent);
        }
        for (std::size_t i = 0; i < found.size(); ++i)
          ASSERT_EQ(found[i], best * codes[i]) << bits << " bits, 2^" << s << ", " << i;
      }
    }
  }
}

TEST(Scaled, ThresholdsRelativeToTheLargestWeightAreInqsWhereThatRoundsToOne) {
  const Sample sample = {"", {1.0f, 0.9f, -0.7f, 0.35f, 0.2f, -0.08f, 0.05f, 0.01f}};
  for (int bits = 3; bits <= 6; ++bits) {
    EXPECT_EQ(
        values(run(
            fmt::format("pattern=powers,bits={},scale=power_of_two,threshold=mu,factor=0.75", bits),
            sample)),
        values(run(fmt::format("pattern=powers,bits={},scale=largest", bits), sample)));
  }
}

TEST(Scaled, NoPowerAboveTheLargestWeightsIsNeeded) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Sample sample = {"", gaussian(12, seed, std::exp(static_cast<double>(seed % 9) - 4)),
                           seed % 2 == 0 ? log_normal(12, seed + 100) : std::vector<float>{}};
    const Magnitudes weights(sample.weights, sample.importance);
    const double bound = std::floor(std::log2(4 * double{largest_magnitude(sample.weights)} / 3));
    EXPECT_EQ(std::log2(power_of_largest(weights)), bound);
    for (int bits = 2; bits <= 6; ++bits) {
      const auto pattern = make_pattern("powers", bits);
      double below = INFINITY, above = INFINITY;
      for (int s = -30; s <= 30; ++s) {
        double& least = s <= bound ? below : above;
        least = std::min(least, squared_error(weights, pattern, std::ldexp(1.0, s)));
      }
      EXPECT_LE(below, above * (1 + 1e-12)) << bits;
      EXPECT_LE(std::log2(best_power(weights, pattern)), bound) << bits;
      const auto code = run(fmt::format("pattern=powers,bits={},scale=power_of_two", bits), sample);
      const auto levels = code.codebook.levels();
      EXPECT_LE(std::max(-levels.front(), levels.back()), std::exp2(bound)) << bits;
    }
  }
}

TEST(Scaled, TernarySupportIsConsistentWithItsScale) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Sample sample = {"", gaussian(500, seed), log_normal(500, seed + 100)};
    const auto code = run("pattern=ternary", sample);
    const double scale = code.codebook.levels().back();
    for (std::size_t i = 0; i < 500; ++i) {
      const bool kept = code.codebook.levels()[code.indices[i]] != 0;
      EXPECT_EQ(kept, std::abs(sample.weights[i]) > scale / 2) << i;
    }
  }
}

TEST(Scaled, AlternationDoesNotBeatTheOptimumAndIsIdempotent) {
  for (const char* pattern : {"ternary", "linear", "log"}) {
    const auto spec = fmt::format("pattern={},bits=4", pattern);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Sample sample = {"", gaussian(256, seed), log_normal(256, seed + 100, 1.5)};
      const double best = error_of(spec, sample),
                   found = error_of(spec + ",solver=alternating", sample);
      EXPECT_GE(found, best * (1 - 1e-6));
      if (std::string(pattern) != "ternary") {
        EXPECT_GT(error_of(spec + ",solver=alternating,scale_rule=legacy_abs", sample), 1.2 * best);
      }
      const auto code = run(spec, sample);
      sample.weights = values(code);
      const auto again = run(spec + ",solver=alternating", sample, {.start = &code.codebook});
      for (std::size_t i = 0; i < 256; ++i) EXPECT_NEAR(values(again)[i], sample.weights[i], 1e-7);
    }
  }
}

TEST(Scaled, TwoAlternationsDoNotBeatTheTwoOptima) {
  int worse = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Sample sample = {"", gaussian(256, seed), log_normal(256, seed + 100, 1.5)};
    for (const char* spec :
         {"signs=two", "pattern=linear,bits=3,signs=two", "pattern=log,bits=4,signs=two"}) {
      const double best = error_of(spec, sample),
                   found = error_of(std::string(spec) + ",solver=alternating", sample);
      EXPECT_GE(found, best * (1 - 1e-6)) << spec;
      worse += static_cast<int>(found > best * (1 + 1e-6));
    }
  }
  EXPECT_GT(worse, 0) << "a comparison that says nothing";
}

TEST(Scaled, AlternationFallsWithEveryHalfOfASweep) {
  for (const auto& [name, bits] : std::vector<std::pair<std::string, int>>{
           {"ternary", 2}, {"linear", 3}, {"log", 4}, {"powers", 4}}) {
    const auto pattern = make_pattern(name, bits);
    const auto spec = fmt::format("pattern={},bits={},solver=alternating", name, bits);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Sample sample = {"", gaussian(256, seed), log_normal(256, seed + 100, 1.5)};
      const auto& [_, w, d] = sample;
      const float largest = largest_magnitude(w);
      for (const float start : {0.1f * largest, 0.5f * largest, largest}) {
        // The papers' sweeps in plain loops.
        std::vector<double> codes(w.size());
        const auto loss = [&](double scale) {
          double sum = 0;
          for (std::size_t i = 0; i < w.size(); ++i)
            sum += double{d[i]} * std::pow(w[i] - scale * codes[i], 2);
          return sum;
        };
        double scale = start, before = INFINITY;
        for (int sweep = 0; sweep < 10; ++sweep) {
          double product = 0, square = 0;
          for (std::size_t i = 0; i < w.size(); ++i) {
            codes[i] = nearest_level(w[i], pattern, scale) / scale;
            product += double{d[i]} * codes[i] * w[i];
            square += double{d[i]} * codes[i] * codes[i];
          }
          EXPECT_LE(loss(scale), before * (1 + 1e-12)) << "codes of " << spec;
          before = loss(scale);
          const double next = product / square;
          const bool settled = std::abs(next - scale) < 1e-6 * scale;
          scale = next;
          EXPECT_LE(loss(scale), before * (1 + 1e-12)) << "scale of " << spec;
          before = loss(scale);
          if (settled) break;
        }
        const Codebook first({-start, 0, start});
        const auto code = run(spec, sample, {.start = &first});
        const auto levels = code.codebook.levels();
        EXPECT_NEAR(std::max(-levels.front(), levels.back()), scale, 1e-6 * scale) << spec;
        // What is found is where the next call begins.
        EXPECT_LE(weighted_error(w, d, run(spec, sample, {.start = &code.codebook})),
                  weighted_error(w, d, code) * (1 + 1e-6))
            << spec;
      }
    }
  }
}

TEST(Scaled, ReleasedCodesDenominatorShrinksTheScale) {
  // By hand. Linear: signs, 2.7 / 5; (1, 1, 1, 2/3, 1/3), 2.5333 / 4; (1, 1, 2/3, 1/3, 0),
  // 2.2333 / 3 = 67/90, which keeps its codes. Log: signs; (1, 1, 1, 1/2, 1/4), 2.475 / 3.75.
  struct Row {
    const char* pattern;
    double scale, loss;
    std::vector<double> codes;
  };
  for (const auto& [pattern, scale, loss, codes] :
       std::vector<Row>{{"linear", 67.0 / 90, 0.0810973937, {1, -1, 2.0 / 3, -1.0 / 3, 0}},
                        {"log", 0.66, 0.165925, {1, -1, 1, -0.5, 0.25}}}) {
    const Sample sample = {"", golden};
    const auto code = run(
        fmt::format("pattern={},bits=3,solver=alternating,scale_rule=legacy_abs", pattern), sample);
    EXPECT_NEAR(weighted_error(golden, {}, code), loss, 1e-6) << pattern;
    const auto found = values(code);
    for (std::size_t i = 0; i < codes.size(); ++i)
      EXPECT_NEAR(found[i], scale * codes[i], 1e-6) << pattern << " " << i;
  }
  // What the specification measured on 300 normal weights: so many times the least loss.
  struct Measured {
    const char* pattern;
    int bits;
    double low, high;
  };
  for (const auto& [pattern, bits, low, high] :
       {Measured{"linear", 3, 2.8, 2.9}, Measured{"log", 3, 2.8, 2.9},
        Measured{"linear", 4, 10.6, 10.6}, Measured{"log", 4, 4.1, 4.1}}) {
    const auto spec = fmt::format("pattern={},bits={}", pattern, bits);
    constexpr int trials = 200;
    double sum = 0, squares = 0;
    for (std::uint64_t seed = 0; seed < trials; ++seed) {
      const Sample sample = {"", gaussian(300, seed), log_normal(300, seed + 1000)};
      const double ratio = error_of(spec + ",solver=alternating,scale_rule=legacy_abs", sample) /
                           error_of(spec, sample);
      sum += ratio;
      squares += ratio * ratio;
    }
    const double mean = sum / trials, variance = squares / trials - mean * mean;
    // Four standard errors: the specification's figures are means of some trials too.
    const double allowed = 4 * std::sqrt(variance / trials);
    EXPECT_LT(allowed, 0.1 * low) << spec;
    EXPECT_GT(mean, low - allowed) << spec;
    EXPECT_LT(mean, high + allowed) << spec;
  }
}

TEST(Scaled, AlternationDoesNotHangOnTheUnitOfWeights) {
  const Sample sample = {"", gaussian(256, 3), log_normal(256, 103, 1.5)};
  Sample tiny = sample;
  for (float& weight : tiny.weights) weight *= 0x1p-30F;
  for (const char* spec :
       {"pattern=ternary,solver=alternating", "pattern=log,bits=4,solver=alternating"})
    EXPECT_EQ(run(spec, tiny).indices, run(spec, sample).indices) << spec;
}

}  // namespace
}  // namespace laconic
