// What the laws do not know of k-means: its optimum, and Lloyd's starting points.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "laconic/error.h"
#include "quantize/levels.h"
#include "quantize/lloyd.h"
#include "quantize/partition.h"
#include "quantize_samples.h"

namespace laconic {
namespace {

BlockCode run(const std::string& spec, const Sample& sample, const Prior& prior = {}) {
  return make_quantizer(spec)->quantize_block(sample.weights, sample.importance, prior);
}

double error_of(const std::string& spec, const Sample& sample, const Prior& prior = {}) {
  return weighted_error(sample.weights, sample.importance, run(spec, sample, prior));
}

/// The least cost over all ways of giving each weight a pinned level or one of the free clusters.
class BruteForce {
 public:
  BruteForce(const Sample& sample, std::size_t free_levels, std::vector<float> pinned)
      : sample_(sample), free_(free_levels), pinned_(std::move(pinned)) {
    assign(0, 0);
  }
  double best = INFINITY;

 private:
  void assign(std::size_t weight, std::size_t used) {
    if (weight == sample_.weights.size()) {
      best = std::min(best, cost(used));
      return;
    }
    const std::size_t clusters = std::min(used + 1, free_);
    for (std::size_t label = 0; label < clusters + pinned_.size(); ++label) {
      labels_.push_back(label < clusters ? label : free_ + label - clusters);
      assign(weight + 1, std::max(used, label < clusters ? label + 1 : 0));
      labels_.pop_back();
    }
  }

  [[nodiscard]] double cost(std::size_t used) const {
    double sum = 0;
    for (std::size_t label = 0; label < free_ + pinned_.size(); ++label) {
      if (label >= used && label < free_) continue;
      double h = 0, s = 0;
      for (std::size_t i = 0; i < labels_.size(); ++i) {
        if (labels_[i] != label) continue;
        h += importance_at(sample_.importance, i);
        s += importance_at(sample_.importance, i) * sample_.weights[i];
      }
      if (h == 0) continue;
      const double level = label < free_ ? s / h : pinned_[label - free_];
      for (std::size_t i = 0; i < labels_.size(); ++i) {
        if (labels_[i] != label) continue;
        sum += importance_at(sample_.importance, i) * std::pow(sample_.weights[i] - level, 2);
      }
    }
    return sum;
  }

  const Sample& sample_;
  std::size_t free_;
  std::vector<float> pinned_;
  std::vector<std::size_t> labels_;
};

TEST(Kmeans, MatchesTheGoldenCosts) {
  const Sample sample = {
      "golden", {-1.0f, -0.9f, -0.2f, 0, 0.1f, 0.8f, 1, 1.1f}, {1, 4, 1, 1, 10, 1, 1, 0.5f}};
  const double golden[] = {6.5171794872, 1.7086896552, 0.1306666667, 0.0530909091};
  for (int k = 1; k <= 4; ++k) {
    for (const char* solver : {"exact", "binned"}) {
      const auto spec = fmt::format("kmeans:levels={},solver={}", k, solver);
      EXPECT_NEAR(error_of(spec, sample), golden[k - 1], 1e-6) << spec;
    }
  }
}

TEST(Kmeans, EqualsBruteForceOnSmallInputs) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Sample sample = {"", gaussian(8, seed, 1), log_normal(8, seed + 1000, 1.5)};
    if (seed % 3 == 1) sample.weights = few_valued(8, seed, 5);
    if (seed % 3 == 2) sample.importance.clear();
    for (std::size_t k = 1; k <= 4; ++k) {
      const double best = BruteForce(sample, k, {}).best;
      for (const char* solver : {"exact", "binned"}) {
        const auto spec = fmt::format("kmeans:levels={},solver={}", k, solver);
        EXPECT_NEAR(error_of(spec, sample), best, 1e-6 * (1e-3 + best)) << spec << " " << seed;
      }
      EXPECT_GE(error_of(fmt::format("kmeans:levels={},solver=lloyd", k), sample),
                best - 1e-6 * (1e-3 + best));
    }
  }
}

TEST(Kmeans, PinnedEqualsBruteForceOnSmallInputs) {
  const std::vector<std::vector<float>> choices = {{0}, {0.3f}, {-0.5f, 0.5f}, {3}, {-4, 0, 0.1f}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Sample sample = {"", gaussian(7, seed, 1), log_normal(7, seed + 1000)};
    for (const auto& pins : choices) {
      for (std::size_t free = 0; free <= 2; ++free) {
        const double best = BruteForce(sample, free, pins).best;
        const auto spec = fmt::format("kmeans:levels={},solver=exact", free + pins.size());
        EXPECT_NEAR(error_of(spec, sample, {.pinned = pins}), best, 1e-6 * (1e-3 + best))
            << spec << " " << seed;
      }
    }
  }
}

TEST(Kmeans, OptimalCostFallsConvexlyWithTheNumberOfLevels) {
  const Sample sample = {"", heavy_tailed(500, 1), log_normal(500, 2)};
  std::vector<double> costs;
  for (int k = 1; k <= 12; ++k)
    costs.push_back(error_of(fmt::format("kmeans:levels={},solver=exact", k), sample));
  for (std::size_t k = 1; k < costs.size(); ++k) EXPECT_LE(costs[k], costs[k - 1]);
  for (std::size_t k = 2; k < costs.size(); ++k) {
    EXPECT_GE(costs[k - 2] - costs[k - 1], (costs[k - 1] - costs[k]) * (1 - 1e-6));
  }
}

/// Of many points, where the exact solver bounds cuts before it places them.
TEST(Kmeans, BoundingCutsFindsTheBestPartition) {
  const std::vector<Sample> samples = {
      {"gaussian", gaussian(6000, 1), log_normal(6000, 2)},
      {"wild importance", gaussian(5000, 3), log_normal(5000, 4, 4)},
      {"heavy tails", heavy_tailed(5000, 5)},
      {"multiples of a step", few_valued(20000, 6, 3001)},
      {"far outlier",
       [] {
         auto w = gaussian(4000, 7);
         w[5] = -1e6f;
         return w;
       }()},
      {"all positive",
       [] {
         auto w = gaussian(4000, 8);
         for (float& x : w) x = 5 + std::abs(x);
         return w;
       }()},
  };
  for (const auto& sample : samples) {
    const Line line = line_of(sample.weights, sample.importance);
    for (const std::size_t levels : {2, 3, 16, 40}) {
      const double best = cost(line, best_partition(line, all_borders(line), levels, {}));
      const double found = cost(line, exact_partition(line, levels, {}));
      EXPECT_NEAR(found, best, 1e-10 * best + 1e-13 * line.cost_at(line.origin(), 0, line.size()))
          << sample.name << " " << levels;
      EXPECT_LE(cost(line, fit_partition(line, levels, {})), best * 1.02)
          << sample.name << " " << levels;
    }
  }
}

TEST(Kmeans, StartsLloydAtPowersOfTwo) {
  const Line line({-0.3, 0.1, 0.7}, {1, 1, 1});
  EXPECT_EQ(initial_levels(line, 5, LloydInit::powers),
            (std::vector<float>{-0.5f, -0.25f, 0, 0.25f, 0.5f}));
  EXPECT_EQ(initial_levels(line, 4, LloydInit::powers),
            (std::vector<float>{-0.5f, 0, 0.25f, 0.5f}));
  const Line power({-0.5, 0.25}, {1, 1});
  EXPECT_EQ(initial_levels(power, 3, LloydInit::powers), (std::vector<float>{-0.5f, 0, 0.5f}));
  EXPECT_EQ(initial_levels(line, 3, LloydInit::linear), (std::vector<float>{-0.3f, 0.2f, 0.7f}));
  const Line zero({0}, {1});
  EXPECT_EQ(initial_levels(zero, 5, LloydInit::powers), (std::vector<float>{0}));
}

TEST(Kmeans, LloydKeepsOrMovesEmptyLevels) {
  // From 0, 4, 8, 12 (evenly), two middle levels take no weight.
  const Sample sample = {"", {0, 0.5f, 1, 11, 11.5f, 12}};
  EXPECT_NEAR(error_of("kmeans:levels=4,solver=lloyd,empty=keep", sample), 1, 1e-6);
  EXPECT_NEAR(error_of("kmeans:levels=4,solver=lloyd,empty=reseed", sample), 0.25, 1e-6);
  EXPECT_EQ(run("kmeans:levels=4,solver=lloyd,empty=keep", sample).codebook.size(), 2);
}

TEST(Kmeans, LloydStopsAfterItsSweeps) {
  const Sample sample = {"", gaussian(2000, 1)};
  const double one = error_of("kmeans:levels=8,solver=lloyd,sweeps=1", sample);
  const double ten = error_of("kmeans:levels=8,solver=lloyd,sweeps=10", sample);
  EXPECT_GT(one, ten);
  EXPECT_GT(ten, error_of("kmeans:levels=8,solver=lloyd", sample));
}

TEST(Kmeans, TooManyPinnedLevelsAreRefused) {
  const std::vector<float> pins = {0, 1, 2};
  try {
    (void)run("kmeans:levels=2", {"", {1, 2, 3}}, {.pinned = pins});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("3 pinned levels do not fit"));
  }
  EXPECT_EQ(run("kmeans:levels=3", {"", {1, 2, 3}}, {.pinned = pins}).codebook,
            Codebook({0, 1, 2}));
}

}  // namespace
}  // namespace laconic
