#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "laconic/error.h"
#include "laconic/prune.h"
#include "quantize_samples.h"

namespace laconic {
namespace {

using testing::HasSubstr;

TEST(Prune, KeepsTheLargestOfEachTensorOrOfAll) {
  const std::vector<float> a = {3, -4, 1, 2}, b = {10, 20, 30, -40};
  const std::vector<WeightsView> tensors = {{{4}, a}, {{2, 2}, b}};
  EXPECT_EQ(prune(tensors, {.keep = 0.5}), (std::vector<Mask>{{1, 1, 0, 0}, {0, 0, 1, 1}}));
  EXPECT_EQ(prune(tensors, {.keep = 0.5, .scope = PruneScope::network}),
            (std::vector<Mask>{{0, 0, 0, 0}, {1, 1, 1, 1}}));
  EXPECT_EQ(prune(tensors, {.keep = 0}), (std::vector<Mask>(2, Mask(4, 0))));
  EXPECT_EQ(prune(tensors, {.keep = 1}), (std::vector<Mask>(2, Mask(4, 1))));
  EXPECT_TRUE(prune({}, {.scope = PruneScope::network}).empty());
}

TEST(Prune, ImportanceWeighsTheSquare) {
  const std::vector<float> weights = {3, -4, 1, 2}, importance = {1, 0.5f, 100, 0};
  const std::vector<WeightsView> tensors = {{{4}, weights, importance}};  // Scores 9, 8, 100, 0.
  EXPECT_EQ(prune(tensors, {.keep = 0.5, .score = PruneScore::importance}),
            (std::vector<Mask>{{1, 0, 1, 0}}));
  EXPECT_EQ(prune(tensors, {.keep = 0.5}), (std::vector<Mask>{{1, 1, 0, 0}}));
}

TEST(Prune, OfEqualsTheFirstSurvive) {
  const std::vector<float> weights = {1, -1, 1, -1, 1};
  const std::vector<WeightsView> tensors = {{{5}, weights}};
  EXPECT_EQ(prune(tensors, {.keep = 0.5}), (std::vector<Mask>{{1, 1, 1, 0, 0}}));  // 2.5 rounds up.
}

TEST(Prune, DropsNothingAboveWhatItKeeps) {
  const auto weights = gaussian(1000, 1), importance = log_normal(1000, 2, 3);
  const std::vector<WeightsView> tensors = {{{1000}, weights, importance}};
  const auto mask = prune(tensors, {.keep = 0.137, .score = PruneScore::importance})[0];
  EXPECT_EQ(std::accumulate(mask.begin(), mask.end(), 0), 137);
  double least_kept = INFINITY, most_dropped = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const double score = static_cast<double>(importance[i]) * weights[i] * weights[i];
    if (mask[i] != 0) least_kept = std::min(least_kept, score);
    if (mask[i] == 0) most_dropped = std::max(most_dropped, score);
  }
  EXPECT_GE(least_kept, most_dropped);
  auto pruned = weights;
  apply_mask(mask, pruned);
  EXPECT_EQ(std::count(pruned.begin(), pruned.end(), 0.0f), 863);
}

TEST(Prune, BadInputIsRefused) {
  const auto message = [](const WeightsView& tensor, PruneOptions options) {
    try {
      (void)prune(std::span(&tensor, 1), options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const std::vector<float> weights = {1, NAN}, fine = {1, 2}, negative = {1, -1};
  EXPECT_THAT(message({{2}, fine}, {.keep = 1.5}), HasSubstr("keep is 1.5"));
  EXPECT_THAT(message({{2}, fine}, {.keep = NAN}), HasSubstr("keep is nan"));
  EXPECT_THAT(message({{2}, weights}, {}), HasSubstr("weight 1 to be pruned is nan"));
  EXPECT_THAT(message({{2}, fine, negative}, {}), HasSubstr("importance 1 for pruning is -1"));
  EXPECT_THAT(message({{3}, fine}, {}), HasSubstr("its shape has 3"));
  EXPECT_THROW((void)parse_pruning("size"), Error);
  EXPECT_THROW((void)parse_pruning("magnitude:scope=layer"), Error);
  EXPECT_THROW((void)parse_pruning("magnitude:keep=1.5"), Error);
}

TEST(Prune, SpecsNameMembersAndOptions) {
  const auto pruning = parse_pruning("importance:keep=0.2,scope=tensor,until=0");
  EXPECT_EQ(pruning.options.score, PruneScore::importance);
  EXPECT_EQ(pruning.options.scope, PruneScope::tensor);
  EXPECT_EQ(pruning.options.keep, 0.2);
  EXPECT_EQ(pruning.until, 0);
  EXPECT_EQ(print_pruning("magnitude"), "magnitude:keep=0.1,scope=network,until=0.5");
}

TEST(Prune, GradualRoundsEndAtTheShare) {
  EXPECT_DOUBLE_EQ(gradual_keep(0.1, 1, 2), 0.1 + 0.9 / 8);
  EXPECT_DOUBLE_EQ(gradual_keep(0.1, 5, 5), 0.1);
  for (int round = 2; round <= 5; ++round)
    EXPECT_LT(gradual_keep(0.1, round, 5), gradual_keep(0.1, round - 1, 5));
  EXPECT_THROW((void)gradual_keep(0.1, 0, 5), Error);
  EXPECT_THROW((void)gradual_keep(0.1, 6, 5), Error);
}

}  // namespace
}  // namespace laconic
