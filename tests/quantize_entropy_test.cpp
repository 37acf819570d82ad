// What the laws do not know of the entropy-constrained quantizer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "laconic/error.h"
#include "quantize/rated_problem.h"
#include "quantize_samples.h"

namespace laconic {
namespace {

BlockCode run(const std::string& spec, const Sample& sample, const Prior& prior = {}) {
  return make_quantizer(spec)->quantize_block(sample.weights, sample.importance, prior);
}

double rated_cost(const Sample& sample, const BlockCode& code, double lambda) {
  return weighted_error(sample.weights, sample.importance, code) + lambda * ideal_bits(code);
}

std::string spec_of(double lambda, int levels = 64) {
  return fmt::format("entropy_constrained:lambda={},levels={}", lambda, levels);
}

/// The least cost over all ways of putting weights into at most `most` sets.
double brute_force(const Sample& sample, double lambda, std::size_t most) {
  const std::size_t count = sample.weights.size();
  double best = INFINITY;
  std::vector<std::size_t> sets(count, 0);
  const std::function<void(std::size_t, std::size_t)> place = [&](std::size_t weight,
                                                                  std::size_t used) {
    if (weight < count) {
      for (std::size_t set = 0; set < std::min(used + 1, most); ++set) {
        sets[weight] = set;
        place(weight + 1, std::max(used, set + 1));
      }
      return;
    }
    double cost = 0;
    for (std::size_t set = 0; set < used; ++set) {
      double n = 0, h = 0, s = 0, q = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (sets[i] != set) continue;
        const double importance = importance_at(sample.importance, i), w = sample.weights[i];
        n += 1;
        h += importance;
        s += importance * w;
        q += importance * w * w;
      }
      cost += q - s * s / h + lambda * n * std::log2(static_cast<double>(count) / n);
    }
    best = std::min(best, cost);
  };
  place(0, 0);
  return best;
}

TEST(EntropyConstrained, IsOptimalForEqualImportanceOnSmallInputs) {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    const Sample sample = {"", seed % 2 == 0 ? gaussian(7, seed, 1) : few_valued(7, seed, 12)};
    for (const double lambda : {0.001, 0.03, 0.1, 0.5}) {
      for (const int levels : {2, 3, 7}) {
        const double best = brute_force(sample, lambda, static_cast<std::size_t>(levels));
        const double found = rated_cost(sample, run(spec_of(lambda, levels), sample), lambda);
        // A ceiling is kept by a price on levels, which may pass over a number of them.
        EXPECT_LE(found, best * (levels == 7 ? 1 + 1e-6 : 1.3) + 1e-9)
            << seed << " " << lambda << " " << levels;
        EXPECT_GE(found, best * (1 - 1e-6) - 1e-9);
      }
    }
  }
}

TEST(EntropyConstrained, IsNeverBelowTheOptimumWithImportance) {
  double excess = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Sample sample = {"", gaussian(7, seed, 1), log_normal(7, seed + 100)};
    const double best = brute_force(sample, 0.1, 7);
    const double found = rated_cost(sample, run(spec_of(0.1), sample), 0.1);
    EXPECT_GE(found, best * (1 - 1e-6));
    excess += found / best - 1;
  }
  EXPECT_LT(excess / 40, 0.05);  // Not an interval problem any more: section 12.3.
}

/// Where every level is compared for every weight.
std::vector<LevelSums> assign_one_by_one(const Sample& sample, const RatedLevels& levels,
                                         double origin) {
  std::vector<LevelSums> sums(levels.levels.size());
  for (std::size_t i = 0; i < sample.weights.size(); ++i) {
    const double w = sample.weights[i], h = importance_at(sample.importance, i);
    std::size_t best = 0;
    double least = INFINITY;
    for (std::size_t level = 0; level < sums.size(); ++level) {
      const double error = w - levels.levels[level], cost = h * error * error + levels.rates[level];
      if (cost < least) {
        least = cost;
        best = level;
      }
    }
    sums[best].add({1, h, h * (w - origin), h * (w - origin) * (w - origin)});
  }
  return sums;
}

TEST(SampleGrid, AssignsAsEveryWeightByItselfWould) {
  std::vector<Sample> samples = {{"weighted", gaussian(30000, 1), log_normal(30000, 2)},
                                 {"equal importance", gaussian(5000, 3)},
                                 {"wild importance", gaussian(20000, 4), log_normal(20000, 5, 6)},
                                 {"heavy tails", heavy_tailed(20000, 6), log_normal(20000, 7)},
                                 {"few values", few_valued(20000, 8, 9), log_normal(20000, 9)},
                                 {"few", gaussian(20, 10), log_normal(20, 11)}};
  samples.push_back({"some without", gaussian(20000, 12), log_normal(20000, 13)});
  for (std::size_t i = 0; i < 20000; i += 3) samples.back().importance[i] = 0;
  for (const auto& sample : samples) {
    SCOPED_TRACE(sample.name);
    const auto keys = sorted_keys(sample.weights, sample.importance);
    const SampleGrid grid(keys, sample.weights.size() - keys.size());
    Random random(1);
    for (const double scale : {0.0, 1e-6, 1e-4, 1e-2, 10.0}) {
      RatedLevels levels;
      for (int i = 0; i < 20; ++i) levels.levels.push_back(0.15 * random.normal());
      std::sort(levels.levels.begin(), levels.levels.end());
      for (int i = 0; i < 20; ++i) levels.rates.push_back(scale * (1 + 8 * random.uniform()));
      const auto found = grid.assign(levels),
                 expected = assign_one_by_one(sample, levels, grid.origin());
      std::vector<double> counted(20);
      const auto indices =
          grid.indices(levels, {.weights = sample.weights, .importance = sample.importance});
      for (const Index index : indices) ++counted[index];
      for (std::size_t level = 0; level < 20; ++level) {
        EXPECT_EQ(found[level].count, expected[level].count) << scale << " " << level;
        EXPECT_EQ(found[level].count, counted[level]);
        EXPECT_NEAR(found[level].importance, expected[level].importance,
                    1e-9 * expected[level].importance);
        EXPECT_NEAR(found[level].square, expected[level].square, 1e-9 * expected[level].square);
      }
    }
  }
}

TEST(EntropyConstrained, NoHalfOfARoundRaisesTheCost) {
  const Sample sample = {"", gaussian(3000, 1), log_normal(3000, 2)};
  const auto keys = sorted_keys(sample.weights, sample.importance);
  const SampleGrid grid(keys, 0);
  const double lambda = 1e-4;
  std::vector<double> levels, counts;
  for (int i = 0; i < 32; ++i) {
    levels.push_back(-0.2 + 0.4 * i / 31);
    counts.push_back(3000.0 / 32);
  }
  const auto cost = [&](const std::vector<LevelSums>& sums, const std::vector<double>& at,
                        const std::vector<double>& rates) {
    double sum = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const double offset = at[i] - grid.origin();
      sum += sums[i].square - 2 * offset * sums[i].moment + offset * offset * sums[i].importance +
             sums[i].count * rates[i];
    }
    return sum;
  };
  double before = INFINITY;
  for (int round = 0; round < 30; ++round) {
    std::vector<double> rates;
    for (const double count : counts) rates.push_back(lambda * std::log2(3000 / count));
    const auto sums = grid.assign({levels, rates});
    const double assigned = cost(sums, levels, rates);
    EXPECT_LE(assigned, before * (1 + 1e-9));
    std::vector<double> moved, next_counts, next_rates;
    std::vector<LevelSums> kept;
    for (const auto& sum : sums) {
      if (sum.count == 0) continue;
      kept.push_back(sum);
      moved.push_back(grid.origin() + sum.moment / sum.importance);
      next_counts.push_back(sum.count);
      next_rates.push_back(lambda * std::log2(3000 / sum.count));
    }
    before = cost(kept, moved, next_rates);
    EXPECT_LE(before, assigned * (1 + 1e-9));
    levels = moved;
    counts = next_counts;
  }
}

TEST(EntropyConstrained, WithoutLambdaItIsKmeans) {
  const Sample sample = {"", gaussian(3000, 1), log_normal(3000, 2)};
  EXPECT_NEAR(weighted_error(sample.weights, sample.importance, run(spec_of(0, 8), sample)),
              weighted_error(sample.weights, sample.importance,
                             run("kmeans:levels=8,solver=exact", sample)),
              1e-5);
}

TEST(EntropyConstrained, ScalingImportanceAndLambdaChangesNothing) {
  const Sample sample = {"", gaussian(5000, 1), log_normal(5000, 2)};
  auto scaled = sample;
  for (float& importance : scaled.importance) importance *= 1024;
  const auto code = run(spec_of(1e-4), sample), other = run(spec_of(1024e-4), scaled);
  EXPECT_EQ(other.codebook, code.codebook);
  EXPECT_EQ(other.indices, code.indices);
}

TEST(EntropyConstrained, RateFallsAsLambdaGrows) {
  const Sample sample = {"", gaussian(5000, 1), log_normal(5000, 2)};
  double bits = INFINITY, error = 0;
  for (double lambda = 1e-6; lambda < 1; lambda *= 4) {
    const auto code = run(spec_of(lambda), sample);
    EXPECT_LE(ideal_bits(code), bits * 1.01);
    EXPECT_GE(weighted_error(sample.weights, sample.importance, code), error * 0.99);
    bits = ideal_bits(code);
    error = weighted_error(sample.weights, sample.importance, code);
  }
  EXPECT_EQ(bits, 0);
}

TEST(EntropyConstrained, KeepsToAnEntropyAndBeatsOtherQuantizersThere) {
  const Sample sample = {"", heavy_tailed(10000, 1), log_normal(10000, 2)};
  for (const double bits : {0.5, 1.5, 3.0}) {
    const auto code = run(fmt::format("entropy_constrained:bits={},levels=256", bits), sample);
    EXPECT_LE(ideal_bits(code) / 10000, bits * (1 + 1e-9));
    EXPECT_GE(ideal_bits(code) / 10000, 0.97 * bits);
    const double error = weighted_error(sample.weights, sample.importance, code);
    EXPECT_LT(error, weighted_error(sample.weights, sample.importance,
                                    run(fmt::format("uniform:bits={}", bits), sample)));
    // The k-means of most levels that needs no fewer bits.
    for (int levels = 2; levels < 64; ++levels) {
      const auto kmeans = run(fmt::format("kmeans:levels={}", levels), sample);
      if (ideal_bits(kmeans) / 10000 > bits) break;
      EXPECT_LT(error, weighted_error(sample.weights, sample.importance, kmeans)) << levels;
    }
  }
}

TEST(EntropyConstrained, ARestartNeverEndsWorse) {
  const Sample sample = {"", gaussian(4000, 1), log_normal(4000, 2)};
  for (const double lambda : {1e-5, 1e-3}) {
    const auto start = run("kmeans:levels=32,solver=lloyd", sample);
    const auto code = run(spec_of(lambda), sample, {.start = &start.codebook});
    EXPECT_LE(rated_cost(sample, code, lambda), rated_cost(sample, start, lambda));
    const auto again = run(spec_of(lambda), sample, {.start = &code.codebook});
    EXPECT_LE(rated_cost(sample, again, lambda), rated_cost(sample, code, lambda) * (1 + 1e-6));
  }
}

TEST(EntropyConstrained, WeightsWithoutImportanceTakeTheShortestCode) {
  Sample sample = {"", gaussian(1000, 1), std::vector<float>(1000, 1)};
  sample.weights[7] = 100;
  sample.importance[7] = 0;
  const auto code = run(spec_of(1e-3), sample);
  std::vector<int> counts(code.codebook.size());
  for (const Index index : code.indices) ++counts[index];
  EXPECT_EQ(counts[code.indices[7]], *std::max_element(counts.begin(), counts.end()));
}

TEST(EntropyConstrained, LevelsAreMeansAndAtMostSoMany) {
  const Sample sample = {"", gaussian(4000, 1), log_normal(4000, 2)};
  const std::vector<float> pins = {0, 0.4f};
  for (const int levels : {2, 3, 9}) {
    const auto code = run(spec_of(1e-5, levels), sample, {.pinned = pins});
    EXPECT_LE(code.codebook.size(), static_cast<std::size_t>(levels));
    std::vector<double> h(code.codebook.size()), s(code.codebook.size());
    for (std::size_t i = 0; i < 4000; ++i) {
      h[code.indices[i]] += sample.importance[i];
      s[code.indices[i]] += static_cast<double>(sample.importance[i]) * sample.weights[i];
    }
    for (std::size_t level = 0; level < h.size(); ++level) {
      const float value = code.codebook.levels()[level];
      if (value != 0 && value != 0.4f) {
        EXPECT_NEAR(value, s[level] / h[level], 1e-7);
      }
    }
  }
}

TEST(EntropyConstrained, OptionsMustAgree) {
  EXPECT_THROW((void)make_quantizer("entropy_constrained:lambda=1,bits=2"), Error);
  const std::vector<float> pins = {0, 1, 2};
  EXPECT_THROW((void)run(spec_of(1, 2), {"", {1, 2}}, {.pinned = pins}), Error);
}

}  // namespace
}  // namespace laconic
