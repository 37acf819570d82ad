// The laws of the allocator family, over its table, and what `fixed` and `rate` claim besides.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocation.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string message_of(ErrorCode code, std::string_view spec, const Tensors& tensors,
                       double budget) {
  try {
    (void)allocate(spec, tensors, budget);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

/// What must hold of any allocation; returns whether the member has one for this budget at all.
bool holds_laws(std::string_view name, const Tensors& tensors, double budget) {
  const auto allocator = make_allocator(name);
  Allocation got;
  try {
    got = allocator->allocate(tensors, budget);
  } catch (const Error& error) {
    // Only a member that is not free to mix choices may miss a budget that the smallest fit.
    EXPECT_EQ(name, "fixed") << error.what();
    return false;
  }
  EXPECT_EQ(got.picks.size(), tensors.size());
  EXPECT_EQ(got.bits, total_bits(tensors, got.picks));
  EXPECT_EQ(got.damage, total_damage(tensors, got.picks));
  EXPECT_LE(got.bits, budget);
  EXPECT_LE(got.bound, got.damage);
  EXPECT_GE(got.lambda, 0);
  EXPECT_EQ(allocator->allocate(tensors, budget), got);
  EXPECT_EQ(allocator->allocate(tensors, got.bits).picks, got.picks);
  return true;
}

TEST(Allocators, SpecsMakeTheSameMember) {
  const auto tensors = layers(6, 4, 1);
  const double budget = ends(tensors).second / 2;
  for (const auto& row : allocators()) {
    const auto made = make_allocator(row.name);
    const auto again = make_allocator(made->spec());
    EXPECT_EQ(again->spec(), made->spec());
    EXPECT_EQ(again->allocate(tensors, budget), made->allocate(tensors, budget)) << row.name;
  }
}

TEST(Allocators, StayWithinTheBudgetAndAboveTheirBound) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto tensors = small_numbers(seed);
    const auto [least, most] = ends(tensors);
    for (const double budget : {least, std::floor((least + most) / 2), most - 1, most}) {
      if (budget < least) continue;
      const auto optimum = by_enumeration(tensors, budget);
      for (const auto& row : allocators()) {
        SCOPED_TRACE(fmt::format("{}, seed {}, budget {}", row.name, seed, budget));
        if (row.name == "fixed" && tensors.size() > 1) continue;  // No choice in common.
        ASSERT_TRUE(holds_laws(row.name, tensors, budget));
        const auto got = allocate(row.name, tensors, budget);
        EXPECT_LE(got.bound, optimum.damage * (1 + 1e-12));
        EXPECT_GE(got.damage, optimum.damage);
        EXPECT_TRUE(!got.optimal() || got.damage == optimum.damage);
      }
    }
  }
}

TEST(Allocators, HoldTheirLawsOnLayers) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto tensors = layers(20, 8, seed);
    const auto [least, most] = ends(tensors);
    for (const double share : {0.0, 0.1, 0.3, 0.7, 1.0}) {
      const double budget = std::floor(least + share * (most - least));
      for (const auto& row : allocators()) {
        SCOPED_TRACE(fmt::format("{}, seed {}, share {}", row.name, seed, share));
        EXPECT_TRUE(holds_laws(row.name, tensors, budget));
      }
    }
  }
}

TEST(Allocators, TakeTheBestWithoutALimit) {
  const auto tensors = layers(10, 4, 3);
  for (const auto& row : allocators()) {
    const auto got = allocate(row.name, tensors, infinity);
    EXPECT_EQ(got, allocate(row.name, tensors, ends(tensors).second)) << row.name;
    EXPECT_TRUE(got.optimal() || row.name == "fixed") << row.name;
  }
}

TEST(Allocators, PreferFewerBitsThenTheFirst) {
  const Tensors tensors = {{"a", {{9, 1, "x"}, {4, 1, "y"}, {4, 1, "z"}, {2, 5, "w"}}}};
  for (const auto& row : allocators()) {
    EXPECT_THAT(allocate(row.name, tensors, 9).picks, ElementsAre(1)) << row.name;
  }
}

TEST(Allocators, FitTheirOwnSizeWithFractionsOfBits) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    auto tensors = layers(9, 6, seed);
    for (auto& tensor : tensors) {
      const double factor = random.uniform() * std::exp(10 * random.normal());
      for (auto& choice : tensor.choices) choice.bits *= factor;
    }
    const auto [least, most] = ends(tensors);
    for (const auto& row : allocators()) {
      SCOPED_TRACE(fmt::format("{}, seed {}", row.name, seed));
      const double budget = least + (most - least) * (0.01 + 0.9 * random.uniform());
      const auto got = allocate(row.name, tensors, budget);
      EXPECT_LE(got.bits, budget);
      EXPECT_NEAR(got.bits, total_bits(tensors, got.picks), most * 1e-14);
      EXPECT_EQ(allocate(row.name, tensors, got.bits).picks, got.picks);
    }
    const auto smallest = allocate_at_lambda(tensors, infinity);
    EXPECT_EQ(allocate("knapsack", tensors, smallest.bits).picks, smallest.picks);
  }
}

TEST(Allocators, NeverUnderstateSumsOfFractions) {
  // As doubles, three times 0.1 is more than 0.3, though it prints alike.
  Tensors tensors;
  for (const auto* name : {"a", "b", "c"}) {
    tensors.push_back({name, {{0, 1, "out"}, {0.1, 0, "in"}}});
  }
  for (const auto& row : allocators()) {
    EXPECT_GE(allocate(row.name, tensors, 0.3).damage, 1) << row.name;
    EXPECT_EQ(allocate(row.name, tensors, 0.31).damage, 0) << row.name;
  }
}

TEST(Allocators, BearExtremeNumbers) {
  const double tiny = std::numeric_limits<double>::denorm_min();
  const std::vector<Tensors> cases = {
      {{"one", {{0, 0, "x"}}}},
      {{"a", {{0, 0, "x"}, {0, 7, "y"}}}, {"b", {{0, 3, "x"}, {0, 0, "y"}}}},
      {{"a", {{1, 1e300, "x"}, {2, 1e-300, "y"}}}, {"b", {{1, tiny, "x"}, {1e15, 0, "y"}}}},
      {{"a", {{tiny, 5, "x"}, {2 * tiny, 1, "y"}}}, {"b", {{tiny, 4, "x"}, {3 * tiny, 0, "y"}}}},
      {{"a", {{1e300, 5, "x"}, {1e306, 1, "y"}}}, {"b", {{0.5, 4, "x"}, {1e307, 0, "y"}}}},
  };
  for (std::size_t c = 0; c < cases.size(); ++c) {
    const auto least = allocate_at_lambda(cases[c], infinity),
               most = allocate_at_lambda(cases[c], 0);
    for (const auto& row : allocators()) {
      SCOPED_TRACE(fmt::format("{}, case {}", row.name, c));
      for (const double budget : {least.bits, (least.bits + most.bits) / 2, most.bits, infinity}) {
        const auto got = allocate(row.name, cases[c], budget);
        EXPECT_LE(got.bits, budget);
        EXPECT_LE(got.bound, got.damage);
        EXPECT_FALSE(std::isnan(got.lambda));
      }
    }
  }
}

TEST(AllocatorInput, BudgetBelowTheSmallestNamesBothEnds) {
  const Tensors tensors = {{"a", {{8, 1, "x"}, {16, 0, "y"}}}, {"b", {{4, 1, "x"}, {9, 0, "y"}}}};
  for (const auto& row : allocators()) {
    for (const double budget : {11.5, -1.0, -infinity}) {
      EXPECT_THAT(message_of(ErrorCode::out_of_reach, row.name, tensors, budget),
                  AllOf(HasSubstr("2 tensors take from 12 to 25 bits"),
                        HasSubstr(fmt::format("the budget is {} bits", budget))))
          << row.name;
    }
  }
}

TEST(AllocatorInput, IsChecked) {
  const auto expect_refused = [](const Tensors& tensors, double budget, std::string_view words) {
    for (const auto& row : allocators()) {
      EXPECT_THAT(message_of(ErrorCode::invalid_argument, row.name, tensors, budget),
                  HasSubstr(words))
          << row.name;
    }
  };
  const Tensors good = {{"conv1", {{8, 1, "x"}, {16, 0, "y"}}}};
  expect_refused(good, nan, "the budget is nan");
  expect_refused({}, 1, "there is no tensor");
  expect_refused({{"conv1", {}}}, 1, "tensor \"conv1\" has no choice");
  for (const double bad : {nan, infinity, -infinity, -1.0}) {
    auto tensors = good;
    tensors[0].choices[1].bits = bad;
    expect_refused(tensors, 99, fmt::format("\"conv1\", choice 1 \"y\": bits is {}, but", bad));
    tensors = good;
    tensors[0].choices[0].damage = bad;
    expect_refused(tensors, 99, fmt::format("\"conv1\", choice 0 \"x\": damage is {}, but", bad));
  }
  expect_refused({{"a", {{1e308, 0, "x"}}}, {"b", {{1e308, 0, "x"}}}}, infinity, "must be finite");
  expect_refused({{"a", {{1, 1e308, "x"}}}, {"b", {{1, 1e308, "x"}}}}, 9, "must be finite");
}

TEST(AllocatorInput, LambdaIsChecked) {
  const Tensors tensors = {{"a", {{1, 1, "x"}}}};
  for (const double bad : {nan, -1.0, -infinity}) {
    EXPECT_THROW((void)allocate_at_lambda(tensors, bad), Error);
  }
  EXPECT_THROW((void)allocate_at_lambda({}, 1), Error);
}

TEST(AllocateAtLambda, MinimisesEachTensor) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto tensors = small_numbers(seed);
    for (const double lambda : {0.0, 0.3, 1.0, 2.5, 10.0}) {
      const auto got = allocate_at_lambda(tensors, lambda);
      for (std::size_t t = 0; t < tensors.size(); ++t) {
        const auto value = [&](const TensorChoice& c) { return c.damage + lambda * c.bits; };
        const auto& picked = tensors[t].choices[got.picks[t]];
        for (const auto& other : tensors[t].choices) {
          EXPECT_LE(value(picked), value(other) + 1e-12);
          EXPECT_TRUE(value(picked) < value(other) || picked.bits <= other.bits);
        }
      }
      const auto optimum = by_enumeration(tensors, got.bits);
      EXPECT_EQ(got.damage, optimum.damage) << "seed " << seed << ", lambda " << lambda;
      EXPECT_TRUE(got.optimal());
    }
  }
}

TEST(AllocateAtLambda, SizeFallsAsLambdaGrows) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto tensors = layers(30, 8, seed);
    auto last = allocate_at_lambda(tensors, 0);
    for (double lambda = 1e-9; lambda < 1e3; lambda *= 1.1) {
      const auto got = allocate_at_lambda(tensors, lambda);
      EXPECT_LE(got.bits, last.bits);
      EXPECT_GE(got.damage, last.damage);
      last = got;
    }
    EXPECT_EQ(allocate_at_lambda(tensors, infinity).bits, ends(tensors).first);
  }
}

TEST(Fixed, PicksTheSameForAll) {
  const auto tensors = layers(12, 8, 5);
  const auto bits = [&](int width) { return ends(tensors).first * width; };
  EXPECT_THAT(allocate("fixed", tensors, bits(4)).picks, testing::Each(3));
  EXPECT_THAT(allocate("fixed", tensors, bits(5) - 1).picks, testing::Each(3));
}

TEST(Fixed, GoesByNameNotByPosition) {
  const Tensors tensors = {{"a", {{4, 9, "2"}, {8, 1, "4"}, {6, 0, "only here"}}},
                           {"b", {{16, 2, "4"}, {8, 8, "2"}}}};
  EXPECT_THAT(allocate("fixed", tensors, 24).picks, ElementsAre(1, 0));
  EXPECT_THAT(allocate("fixed", tensors, 23).picks, ElementsAre(0, 1));
}

TEST(Fixed, SaysWhatItCannotDo) {
  EXPECT_THAT(message_of(ErrorCode::invalid_argument, "fixed",
                         {{"a", {{1, 1, "x"}}}, {"b", {{1, 1, "y"}}}}, 9),
              HasSubstr("a choice that all 2 tensors offer"));
  EXPECT_THAT(
      message_of(ErrorCode::invalid_argument, "fixed", {{"a", {{1, 1, "x"}, {2, 0, "x"}}}}, 9),
      HasSubstr("tensor \"a\" has two choices called \"x\""));
  EXPECT_THAT(message_of(ErrorCode::out_of_reach, "fixed",
                         {{"a", {{1, 1, "x"}, {6, 0, "y"}}}, {"b", {{6, 1, "x"}, {2, 0, "y"}}}}, 4),
              HasSubstr("one choice for all 2 tensors takes from 7 to 8 bits"));
}

TEST(Rate, IsNeverWorseThanItsLambdaAndAtMostOneStepFromTheBound) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto tensors = layers(15, 8, seed);
    const auto [least, most] = ends(tensors);
    Random random(seed);
    const double budget = std::floor(least + random.uniform() * (most - least));
    const auto got = allocate("rate", tensors, budget);
    const auto on_hull = allocate_at_lambda(tensors, got.lambda);
    EXPECT_LE(on_hull.bits, budget);
    EXPECT_LE(got.damage, on_hull.damage);
    double largest_step = 0;
    for (const auto& tensor : tensors) {
      largest_step = std::max(largest_step, tensor.choices.back().bits - tensor.choices[0].bits);
    }
    EXPECT_LE(got.damage - got.bound, got.lambda * largest_step * (1 + 1e-12));
    EXPECT_NEAR(got.bound, on_hull.damage - got.lambda * (budget - on_hull.bits),
                1e-12 * on_hull.damage);
  }
}

TEST(Rate, IsOptimalWhereAHullPlanFillsTheBudget) {
  const auto tensors = layers(15, 8, 7);
  for (double lambda = 1e-6; lambda < 1; lambda *= 2) {
    const auto on_hull = allocate_at_lambda(tensors, lambda);
    const auto got = allocate("rate", tensors, on_hull.bits);
    EXPECT_EQ(got.picks, on_hull.picks);
    EXPECT_TRUE(got.optimal());
  }
}

TEST(Rate, SpendsWhatTheHullLeaves) {
  // On the hull, the first step that does not fit is b's; a's last choice does fit.
  const Tensors tensors = {{"a", {{1, 10, "1"}, {2, 9, "2"}}}, {"b", {{1, 100, "1"}, {9, 0, "2"}}}};
  const auto got = allocate("rate", tensors, 4);
  EXPECT_THAT(got.picks, ElementsAre(1, 0));
  EXPECT_EQ(got.bound, 110 - 2 * 12.5);
  EXPECT_EQ(got.lambda, 12.5);
}

}  // namespace
}  // namespace laconic
