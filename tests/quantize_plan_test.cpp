#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "laconic/error.h"
#include "laconic/plan.h"
#include "quantize_samples.h"

namespace laconic {
namespace {

using testing::HasSubstr;

TEST(Plan, PatternsMatchWithStars) {
  EXPECT_TRUE(matches("conv1.weight", "conv1.weight"));
  EXPECT_FALSE(matches("conv1.weight", "conv1.weight2"));
  EXPECT_FALSE(matches("conv1.weight2", "conv1.weight"));
  EXPECT_TRUE(matches("layer2.*.weight", "layer2.0.conv1.weight"));
  EXPECT_FALSE(matches("layer2.*.weight", "layer2.weight"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("**", "x"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "x"));
  EXPECT_TRUE(matches("*ab*ab", "abaab_abab"));
  EXPECT_FALSE(matches("*ab*ab*c", "ababab"));
  std::string stars(50, '*');
  stars += 'b';
  EXPECT_FALSE(matches(stars, std::string(10000, 'a')));  // No blow-up.
}

TEST(Plan, FirstMatchingRowApplies) {
  const Plan plan = {{"fc*", "kmeans:levels=4"}, {"*", "kmeans:levels=8"}};
  EXPECT_EQ(row_for(plan, "fc1.weight"), &plan[0]);
  EXPECT_EQ(row_for(plan, "conv"), &plan[1]);
  EXPECT_EQ(row_for({plan[0]}, "conv"), nullptr);
}

TEST(Plan, PrintingAndParsingAreInverse) {
  const Plan plan = {
      {"conv1.weight", "kmeans:levels=4"},
      {"*", "kmeans", {Granularity::Kind::joint}, Zeros::keep, "gaps:bits=4"},
      {"a b # \"c\\d\"\n\\n", "kmeans", {Granularity::Kind::per_group, 64}, Zeros::free, "auto"},
      {"é", "kmeans", {Granularity::Kind::per_channel}},
  };
  EXPECT_EQ(parse_plan(print_plan(plan)), plan);
  EXPECT_EQ(print_plan({plan[1]}), "* kmeans granularity=joint zeros=keep coder=gaps:bits=4\n");
  EXPECT_EQ(parse_plan(" # nothing\r\n\n\tx\tkmeans # why\r\ny kmeans"),
            (Plan{{"x", "kmeans"}, {"y", "kmeans"}}));
}

TEST(Plan, MistakesNameTheirLine) {
  const auto message = [](std::string_view text) {
    try {
      (void)parse_plan(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message("\nconv1"), HasSubstr("line 2 of the plan: no quantizer follows \"conv1\""));
  EXPECT_THAT(message("x kmean"), HasSubstr("line 1 of the plan: unknown quantizer \"kmean\""));
  EXPECT_THAT(message("x kmeans:levels=0"), HasSubstr("levels is \"0\""));
  EXPECT_THAT(message("x kmeans granularity=row"), HasSubstr("granularity is \"row\""));
  EXPECT_THAT(message("x kmeans zeros=drop"), HasSubstr("zeros is \"drop\""));
  EXPECT_THAT(message("x kmeans coder="), HasSubstr("coder names no coder"));
  EXPECT_THAT(message("x kmeans coder=rand"), HasSubstr("unknown coder \"rand\""));
  EXPECT_THAT(message("x kmeans coder=trellis"), HasSubstr("quantizer \"trellis\""));
  EXPECT_EQ(message("x trellis:bits=2 coder=trellis"), "no error");
  EXPECT_THAT(message("x kmeans bits=3"), HasSubstr("\"bits=3\" is not one of"));
  EXPECT_THAT(message("\"x kmeans"), HasSubstr("does not end"));
  EXPECT_THAT(message("\"\" kmeans"), HasSubstr("is empty"));
}

TEST(Granularity, PrintsAndParses) {
  for (const char* text : {"joint", "tensor", "channel", "group:1", "group:128"}) {
    EXPECT_EQ(print_granularity(parse_granularity(text)), text);
  }
  for (const char* text :
       {"", "group", "group:", "group:0", "group:-1", "group:1x", "group:99999999999999999999"}) {
    EXPECT_THROW((void)parse_granularity(text), Error) << text;
  }
}

TEST(Granularity, DecidesWhichWeightsShareACodebook) {
  const auto quantizer = make_quantizer("kmeans:levels=2,solver=exact");
  const auto a = gaussian(12, 1), b = gaussian(5, 2), importance = log_normal(12, 3);
  const std::vector<WeightsView> tensors = {
      {{3, 4}, a, importance}, {{5}, b, {}}, {{0, 4}, {}, {}}, {{}, std::span(b).first(1), {}}};
  const auto blocks = [&](std::string_view granularity) {
    std::vector<std::size_t> counts;
    for (const auto& tensor : quantize(*quantizer, tensors, parse_granularity(granularity))) {
      validate(tensor);
      counts.push_back(tensor.codebooks.size());
    }
    return counts;
  };
  EXPECT_EQ(blocks("tensor"), (std::vector<std::size_t>{1, 1, 0, 1}));
  EXPECT_EQ(blocks("channel"), (std::vector<std::size_t>{3, 5, 0, 1}));
  EXPECT_EQ(blocks("group:5"), (std::vector<std::size_t>{3, 1, 0, 1}));
  EXPECT_EQ(blocks("joint"), (std::vector<std::size_t>{1, 1, 0, 1}));

  const auto channels = quantize(*quantizer, tensors, parse_granularity("channel"));
  const auto second =
      quantizer->quantize_block(std::span(a).subspan(4, 4), std::span(importance).subspan(4, 4));
  EXPECT_EQ(channels[0].codebooks[1], second.codebook);
  const auto joint = quantize(*quantizer, tensors, parse_granularity("joint"));
  EXPECT_EQ(joint[0].codebooks[0].levels().data(), joint[1].codebooks[0].levels().data());
  EXPECT_TRUE(quantize(*quantizer, {}, parse_granularity("joint")).empty());
}

TEST(Granularity, KeptZerosStayAndTakeNoPart) {
  const auto quantizer = make_quantizer("kmeans:levels=3,solver=exact");
  std::vector<float> weights = {0, 1, -1, 0, 1.5f, -0.0f, -2, 0};
  const std::vector<WeightsView> tensors = {{{2, 4}, weights}};
  const auto kept = quantize(*quantizer, tensors, {}, Zeros::keep)[0];
  EXPECT_EQ(kept.codebooks[0], Codebook({-1.5f, 0, 1.25f}));
  EXPECT_EQ(kept.indices, (std::vector<Index>{1, 2, 0, 1, 2, 1, 0, 1}));
  weights.assign(8, 0);
  const auto zeros = quantize(*quantizer, tensors, parse_granularity("channel"), Zeros::keep)[0];
  EXPECT_EQ(zeros.codebooks, (std::vector<Codebook>(2, Codebook({0}))));
}

TEST(Granularity, KeptZerosAreALevelBesideThosePinned) {
  const auto quantizer = make_quantizer("kmeans:levels=3");
  const std::vector<float> pinned{2}, weights{0, 1, 2, 0}, zeros(3, 0);
  const auto code =
      quantizer->quantize_block(weights, {}, {.pinned = pinned, .zeros = Zeros::keep});
  EXPECT_EQ(code.codebook, Codebook({0, 1, 2}));
  EXPECT_EQ(code.indices, (std::vector<Index>{0, 1, 2, 0}));
  const auto none = quantizer->quantize_block(zeros, {}, {.pinned = pinned, .zeros = Zeros::keep});
  EXPECT_EQ(none.codebook, Codebook({0, 2}));
  EXPECT_EQ(none.indices, std::vector<Index>(3, 0));
}

TEST(Granularity, TensorsAreChecked) {
  const auto quantizer = make_quantizer("kmeans");
  const auto weights = gaussian(6, 1);
  const auto run = [&](const WeightsView& tensor, Granularity granularity = {}) {
    try {
      (void)quantize(*quantizer, std::span(&tensor, 1), granularity);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(run({{7}, weights}), HasSubstr("6 weights, but its shape has 7"));
  EXPECT_THAT(run({{6}, weights, std::span(weights).first(2)}), HasSubstr("2 importances for 6"));
  EXPECT_THAT(run({{6}, weights}, {Granularity::Kind::per_group, 0}), HasSubstr("group size is 0"));
}

TEST(Quantize, SearchesBeginFromAnEarlierResult) {
  const std::vector<float> weights = {1, 0.45f, -0.45f, 0.45f, 0.8f, 0.1f, 0.1f, -0.9f};
  const auto alternating = make_quantizer("scaled:pattern=ternary,solver=alternating");
  const Granularity rows{Granularity::Kind::per_channel};
  const WeightsView plain{{2, 4}, weights};
  auto start = quantize(*alternating, std::span(&plain, 1), rows)[0];
  // The first row has two fixed points: all four weights, or the largest alone.
  start.codebooks[0] = Codebook({-1, 0, 1});
  const WeightsView warm{{2, 4}, weights, {}, &start};
  const auto found = quantize(*alternating, std::span(&warm, 1), rows)[0];
  const auto by_block =
      alternating->quantize_block(std::span(weights).first(4), {}, {.start = &start.codebooks[0]});
  EXPECT_EQ(found.codebooks[0], by_block.codebook);
  EXPECT_NE(found.codebooks[0], quantize(*alternating, std::span(&plain, 1), rows)[0].codebooks[0]);
  start.shape = {8};
  EXPECT_THROW((void)quantize(*alternating, std::span(&warm, 1), rows), Error);
}

}  // namespace
}  // namespace laconic
