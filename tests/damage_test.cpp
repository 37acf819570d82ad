// Damage tables against the quantizers that will do the work, and against optima found otherwise.

#include "laconic/damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "quantize_samples.h"

namespace laconic {
namespace {

using testing::HasSubstr;

NamedWeights named(const std::string& name, const Sample& sample) {
  return {name,
          {{static_cast<std::int64_t>(sample.weights.size())}, sample.weights, sample.importance}};
}

double damage(const Sample& sample, const BlockCode& code) {
  return weighted_error(sample.weights, sample.importance, code) / 2;
}

TEST(DamageTable, IsWithinATenThousandthOfTheOptimum) {
  const Sample sample{"gaussian", gaussian(5000, 1), log_normal(5000, 2)};
  const auto tensor = named("w", sample);
  const auto table = damage_table(std::span(&tensor, 1));
  ASSERT_EQ(table[0].choices.size(), 8u);
  for (int bits = 1; bits <= 8; ++bits) {
    const auto& choice = table[0].choices[static_cast<std::size_t>(bits - 1)];
    const auto optimum = make_quantizer(fmt::format("kmeans:levels={},solver=exact", 1 << bits))
                             ->quantize_block(sample.weights, sample.importance);
    EXPECT_LE(choice.damage, damage(sample, optimum) * (1 + 1e-4)) << bits;
    EXPECT_EQ(choice.bits, 5000.0 * bits + 32.0 * (1 << bits)) << bits;
  }
}

TEST(DamageTable, IsWhatTheNamedQuantizerDoes) {
  const Sample sample{"gaussian", gaussian(3000, 3), {}};
  const auto tensor = named("w", sample);
  for (const auto kind : {ChoiceKind::kmeans, ChoiceKind::uniform}) {
    const auto table = damage_table(std::span(&tensor, 1), {kind, 1, 6});
    for (const auto& choice : table[0].choices) {
      const auto code = make_quantizer(choice.what)->quantize_block(sample.weights);
      EXPECT_NEAR(choice.damage, damage(sample, code), 1e-4 * choice.damage) << choice.what;
    }
  }
}

TEST(DamageTable, PinsZeroWhereAsked) {
  const Sample sample{"shifted", gaussian(2000, 4), {}};
  const auto tensor = named("w", sample);
  const auto table = damage_table(std::span(&tensor, 1), {ChoiceKind::kmeans_zero, 2, 4});
  const std::vector<float> zero{0};
  for (const auto& choice : table[0].choices) {
    const auto code =
        make_quantizer(choice.what)->quantize_block(sample.weights, {}, {.pinned = zero});
    EXPECT_NEAR(choice.damage, damage(sample, code), 1e-4 * choice.damage) << choice.what;
  }
  EXPECT_EQ(table[0].choices[0].what, "kmeans:levels=3");
  EXPECT_EQ(table[0].choices[0].bits, 2.0 * 2000 + 32 * 3);
}

TEST(DamageTable, UniformTakesTheEntropyItsNameSays) {
  const Sample sample{"gaussian", gaussian(20000, 5), {}};
  const auto tensor = named("w", sample);
  const auto table = damage_table(std::span(&tensor, 1), {ChoiceKind::uniform, 2, 4});
  ASSERT_EQ(table[0].choices.size(), 5u);
  EXPECT_EQ(table[0].choices[1].what, "uniform:bits=2.5");
  EXPECT_NEAR(table[0].choices[1].bits / 20000, 2.5, 0.1);
}

TEST(DamageTable, IsTheSameForAnyNumberOfThreads) {
  std::vector<Sample> samples;
  std::vector<NamedWeights> tensors;
  for (std::size_t t = 0; t < 6; ++t) samples.push_back({"", gaussian(100 + 700 * t, t), {}});
  for (const auto& sample : samples)
    tensors.push_back(named(fmt::format("{}", tensors.size()), sample));
  set_threads(1);
  const auto one = damage_table(tensors);
  set_threads(4);
  const auto four = damage_table(tensors);
  set_threads(0);
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    EXPECT_EQ(one[t].tensor, tensors[t].name);
    for (std::size_t c = 0; c < one[t].choices.size(); ++c) {
      EXPECT_EQ(one[t].choices[c].damage, four[t].choices[c].damage);
    }
  }
}

TEST(DamageTable, ConstantAndTinyTensorsHaveNoDamageLeft) {
  const Sample constant{"constant", std::vector<float>(10, 0.0F), {}},
      three{"three", {1, 2, 3}, {}};
  const std::vector tensors{named("constant", constant), named("three", three)};
  const auto table = damage_table(tensors);
  EXPECT_EQ(table[0].choices[0].damage, 0);
  EXPECT_GT(table[1].choices[0].damage, 0);
  EXPECT_EQ(table[1].choices[1].damage, 0);
}

TEST(DamageTable, BecomesAPlan) {
  const Sample a{"", gaussian(500, 6), {}}, b{"", gaussian(500, 7, 1.0), {}};
  const std::vector tensors{named("a", a), named("b", b)};
  const auto table = damage_table(tensors);
  const auto plan = plan_of(table, make_allocator("knapsack")->allocate(table, 6000));
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[0].tensors, "a");
  EXPECT_EQ(parse_plan(print_plan(plan)), plan);
  const auto bits = [&](std::size_t t) { return make_quantizer(plan[t].quantizer)->spec(); };
  EXPECT_NE(bits(0), bits(1));  // The larger weights of b are worth more bits.
}

TEST(DamageTable, RefusesWhatCannotBe) {
  const auto message = [](const Sample& sample, const DamageOptions& options) -> std::string {
    const auto tensor = named("conv1.weight", sample);
    try {
      (void)damage_table(std::span(&tensor, 1), options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return error.what();
    }
    return "no error";
  };
  const Sample good{"", {1, 2}, {}};
  EXPECT_THAT(message(good, {ChoiceKind::kmeans, 0, 8}), HasSubstr("0 to 8 bits"));
  EXPECT_THAT(message(good, {ChoiceKind::kmeans, 5, 4}), HasSubstr("5 to 4 bits"));
  EXPECT_THAT(message(good, {ChoiceKind::kmeans, 1, 11}), HasSubstr("at most 10"));
  EXPECT_THAT(message({"", {}, {}}, {}), HasSubstr("\"conv1.weight\" has no weights"));
  EXPECT_THAT(message({"", {1, NAN}, {}}, {}), HasSubstr("weight 1 is nan"));
  EXPECT_THAT(message({"", {1, 2}, {1, -1}}, {}), HasSubstr("importance 1 is -1"));
  EXPECT_THAT(message({"", {1, 2}, {1}}, {}), HasSubstr("1 importances for 2 weights"));
}

}  // namespace
}  // namespace laconic
