// What `knapsack` claims beyond the laws of its family: the optimum, and honesty where it stops
// early.

#include <gtest/gtest.h>

#include "allocation.h"

namespace laconic {
namespace {

TEST(Knapsack, EqualsEnumeration) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const auto tensors = small_numbers(seed);
    const auto [least, most] = ends(tensors);
    for (double budget = least; budget <= most; budget += 3) {
      const auto got = allocate("knapsack", tensors, budget);
      const auto optimum = by_enumeration(tensors, budget);
      EXPECT_EQ(got.damage, optimum.damage) << "seed " << seed << ", budget " << budget;
      EXPECT_EQ(got.bits, optimum.bits) << "seed " << seed << ", budget " << budget;
      EXPECT_TRUE(got.optimal());
    }
  }
}

TEST(Knapsack, EqualsATableOverAllBudgets) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto tensors = layers(40, 8, seed, 30);
    const auto [least, most] = ends(tensors);
    for (const double share : {0.02, 0.2, 0.5, 0.9}) {
      const double budget = std::floor(least + share * (most - least));
      const auto got = allocate("knapsack", tensors, budget);
      const double optimum = by_table(tensors, static_cast<std::size_t>(budget));
      EXPECT_NEAR(got.damage, optimum, 1e-12 * optimum);
      EXPECT_TRUE(got.optimal());
      EXPECT_LE(got.damage, allocate("rate", tensors, budget).damage);
    }
  }
}

TEST(Knapsack, SeesSmallDamagesBesideAHugeOne) {
  auto tensors = layers(8, 4, 2, 20);
  for (auto& choice : tensors.emplace_back(TensorChoices{"huge", {{5, 0, "x"}}}).choices) {
    choice.damage = 1e25;
  }
  const double budget = std::floor(ends(tensors).second / 2);
  auto without = tensors;
  without.pop_back();
  auto picks = allocate("knapsack", tensors, budget).picks;
  picks.pop_back();
  EXPECT_EQ(picks, allocate("knapsack", without, budget - 5).picks);
}

TEST(Knapsack, IsExactOnTwoHundredLayersOfEightWidths) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto tensors = layers(200, 8, seed, 2'000'000);
    const auto [least, most] = ends(tensors);
    const auto got = allocate("knapsack", tensors, std::floor(least + 0.4 * (most - least)));
    EXPECT_TRUE(got.optimal()) << "seed " << seed;
  }
}

/// Damage falls by exactly one for each bit, so that every plan lies on the bound and only an exact
/// fit, which even sizes cannot give an odd budget, would end the search early.
Tensors subset_sum(int count, std::uint64_t seed) {
  Random random(seed);
  Tensors out;
  for (int t = 0; t < count; ++t) {
    const auto bits = static_cast<double>(200 + 2 * random.below(500));
    out.push_back({fmt::format("t{}", t), {{0, bits, "out"}, {bits, 0, "in"}}});
  }
  out.push_back({"odd", {{0, 1, "out"}, {200'001, 0, "in"}}});
  return out;
}

TEST(Knapsack, SaysSoWhereItsWorkDidNotSuffice) {
  int unproven = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto tensors = subset_sum(40, seed);
    const double budget = 9'001;
    const double optimum = by_table(tensors, static_cast<std::size_t>(budget));
    for (const auto* spec : {"knapsack:states=1", "knapsack:states=2000", "knapsack"}) {
      SCOPED_TRACE(fmt::format("{}, seed {}", spec, seed));
      const auto got = allocate(spec, tensors, budget);
      EXPECT_LE(got.bits, budget);
      EXPECT_LE(got.bound, optimum);
      EXPECT_GE(got.damage, optimum);
      EXPECT_LE(got.damage, allocate("rate", tensors, budget).damage);
      EXPECT_TRUE(!got.optimal() || got.damage == optimum);
      if (!got.optimal()) ++unproven;
      EXPECT_EQ(got, allocate(spec, tensors, budget));
    }
    EXPECT_TRUE(allocate("knapsack", tensors, budget).optimal());
  }
  EXPECT_GE(unproven, 20);
}

TEST(Knapsack, StoppedEarlyIsNoWorseThanRateAndKeepsATrueBound) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto tensors = layers(60, 8, seed, 100'000);
    const double budget = std::floor(ends(tensors).second / 3);
    const auto exact = allocate("knapsack", tensors, budget);
    const auto rate = allocate("rate", tensors, budget);
    ASSERT_TRUE(exact.optimal());
    for (const auto* spec : {"knapsack:states=1", "knapsack:states=100", "knapsack:states=10000"}) {
      SCOPED_TRACE(fmt::format("{}, seed {}", spec, seed));
      const auto got = allocate(spec, tensors, budget);
      EXPECT_LE(got.bound, exact.damage * (1 + 1e-12));
      EXPECT_GE(got.bound, rate.bound);
      EXPECT_GE(got.damage, exact.damage);
      EXPECT_LE(got.damage, rate.damage);
    }
  }
}

}  // namespace
}  // namespace laconic
