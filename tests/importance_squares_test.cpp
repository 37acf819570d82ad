// Squares of per-sample gradients, taken a batch at a time, against one sample after another.

#include <gtest/gtest.h>

#include "importance_testing.h"

namespace laconic {
namespace {

using testing::difference;
using testing::GraphBuilder;
using testing::MemoryDataset;

using Attributes = std::map<std::string, Attribute, std::less<>>;
using Numbers = std::vector<std::int64_t>;

/// The vector that cross-entropy sends back for the data's label.
std::vector<at::Tensor> by_label(const at::Tensor& scores, std::int64_t label) {
  auto residual = at::softmax(scores, 1);
  residual[0][label] -= 1;
  return {residual};
}

/// All that make up the Hessian of cross-entropy in the scores.
std::vector<at::Tensor> by_class(const at::Tensor& scores, std::int64_t) {
  const auto p = at::softmax(scores, 1);
  std::vector<at::Tensor> columns;
  for (std::int64_t c = 0; c < scores.size(1); ++c) {
    auto column = -p.clone();
    column[0][c] += 1;
    columns.push_back(column * p[0][c].sqrt());
  }
  return columns;
}

ImportanceMap estimate(const std::string& spec, const Network& network, const Dataset& data) {
  return make_estimator(spec)->estimate(network, data).values;
}

void expect_squares(const Network& network, const MemoryDataset& data,
                    const std::vector<std::string>& names, const std::string& options = "") {
  const auto fisher = estimate("fisher:labels=data,batch=7,floor=0" + options, network, data);
  const auto exact = estimate("gauss_newton:mode=exact,batch=7,floor=0" + options, network, data);
  const auto expected_fisher = testing::mean_squares(network, data, by_label);
  const auto expected_exact = testing::mean_squares(network, data, by_class);
  EXPECT_EQ(fisher.size(), names.size());
  for (const auto& name : names) {
    ASSERT_TRUE(fisher.contains(name)) << name;
    EXPECT_LT(difference(fisher.at(name), expected_fisher.at(name)), 2e-5) << name;
    EXPECT_LT(difference(exact.at(name), expected_exact.at(name)), 2e-5) << name;
  }
}

struct ConvCase {
  const char* name;
  Shape sample;
  Shape weight;
  Attributes attributes;
};

class ConvSquares : public ::testing::TestWithParam<ConvCase> {};

TEST_P(ConvSquares, EqualThoseOfSingleSamples) {
  const auto& [label, sample, weight, attributes] = GetParam();
  GraphBuilder builder(sample);
  builder.add("Conv", {builder.constant("w", weight), builder.constant("b", {weight[0]})},
              attributes);
  builder.add("Tanh");
  builder.add("GlobalAveragePool");
  builder.add("Flatten");
  builder.dense("head", weight[0], 3);
  const Network network(builder.finish(3));
  const auto data = MemoryDataset::random(sample, 3, 16);
  expect_squares(network, data, {"w", "b", "head", "head.bias"}, ",all=true");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ConvSquares,
    ::testing::Values(
        ConvCase{"Plain", {2, 6, 5}, {4, 2, 3, 3}, {}},
        ConvCase{"Pointwise", {4, 5, 5}, {3, 4, 1, 1}, {}},
        ConvCase{"StridedDilatedAsymmetric",
                 {2, 9, 8},
                 {4, 2, 3, 2},
                 {{"strides", Numbers{2, 3}},
                  {"dilations", Numbers{2, 1}},
                  {"pads", Numbers{1, 0, 2, 3}}}},
        ConvCase{"Grouped",
                 {6, 5, 5},
                 {9, 2, 3, 3},
                 {{"group", std::int64_t{3}}, {"pads", Numbers{1, 1, 1, 1}}}},
        ConvCase{"Depthwise", {4, 5, 5}, {4, 1, 3, 3}, {{"group", std::int64_t{4}}}},
        ConvCase{"SameUpper",
                 {2, 7, 6},
                 {3, 2, 4, 3},
                 {{"auto_pad", std::string("SAME_UPPER")}, {"strides", Numbers{2, 2}}}},
        ConvCase{"SameLower",
                 {2, 7, 6},
                 {3, 2, 4, 3},
                 {{"auto_pad", std::string("SAME_LOWER")}, {"strides", Numbers{2, 2}}}},
        ConvCase{"Valid",
                 {2, 7, 6},
                 {3, 2, 3, 3},
                 {{"auto_pad", std::string("VALID")}, {"strides", Numbers{3, 2}}}},
        ConvCase{
            "OneDimension", {3, 11}, {4, 3, 5}, {{"strides", Numbers{2}}, {"pads", Numbers{2, 1}}}},
        ConvCase{"ThreeDimensions",
                 {2, 4, 5, 4},
                 {3, 2, 2, 3, 2},
                 {{"pads", Numbers{1, 1, 0, 0, 1, 1}}}}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(Squares, OfAResidualNetworkEqualThoseOfSingleSamples) {
  const auto network = testing::residual_network(4);
  expect_squares(network, MemoryDataset::random({3, 8, 8}, 4, 12),
                 {"stem", "b", "scale", "shift", "mean", "variance", "branch", "head", "head.bias"},
                 ",all=true");
}

TEST(Squares, KeepToWeightsUnlessAllIsAsked) {
  const auto network = testing::residual_network(4);
  expect_squares(network, MemoryDataset::random({3, 8, 8}, 4, 12), {"stem", "branch", "head"});
}

TEST(Squares, OfGemmWithItsFactors) {
  GraphBuilder builder({6});
  builder.add("Gemm", {builder.constant("w", {6, 5}), builder.constant("b", {5})},
              {{"alpha", 0.5F}, {"beta", 2.0F}});
  builder.add("Gemm", {builder.constant("v", {3, 5})},
              {{"transB", std::int64_t{1}}, {"alpha", 3.0F}});
  const Network network(builder.finish(3));
  expect_squares(network, MemoryDataset::random({6}, 3, 20), {"w", "b", "v"}, ",all=true");
}

TEST(Squares, OfMatMulOverTimeSteps) {
  GraphBuilder builder({5, 6});
  builder.add("MatMul", {builder.constant("w", {6, 4})});
  builder.add("Tanh");
  builder.add("ReduceMean", {}, {{"axes", Numbers{1}}, {"keepdims", std::int64_t{0}}});
  builder.add("MatMul", {builder.constant("v", {4, 3})});
  const Network network(builder.finish(3));
  expect_squares(network, MemoryDataset::random({5, 6}, 3, 20), {"w", "v"});
}

// As the importer leaves products whose output channels were last.
TEST(Squares, OfWeightsBehindTranspose) {
  GraphBuilder builder({6});
  const auto matrix =
      builder.add_reading("Transpose", {builder.constant("w", {12, 6})}, {{"perm", Numbers{1, 0}}});
  builder.add_reading("MatMul", {"x", matrix});
  builder.add("Reshape", {builder.integers("image", {-1, 3, 2, 2})});
  const auto image = builder.last();
  const auto kernel = builder.add_reading("Transpose", {builder.constant("k", {4, 3, 2, 3})},
                                          {{"perm", Numbers{1, 0, 2, 3}}});
  builder.add_reading("ConvTranspose", {image, kernel, builder.constant("b", {4})},
                      {{"strides", Numbers{2, 1}}, {"pads", Numbers{1, 0, 0, 2}}});
  builder.add("Tanh");
  builder.add("GlobalAveragePool");
  builder.add("Flatten");
  builder.dense("head", 4, 3);
  const Network network(builder.finish(3));
  expect_squares(network, MemoryDataset::random({6}, 3, 20), {"w", "k", "b", "head", "head.bias"},
                 ",all=true");
}

TEST(Squares, OfGroupedTransposedConvolutions) {
  GraphBuilder builder({4, 3});
  builder.add("ConvTranspose", {builder.constant("k", {4, 3, 4})},
              {{"group", std::int64_t{2}},
               {"strides", Numbers{3}},
               {"dilations", Numbers{2}},
               {"output_padding", Numbers{1}}});
  builder.add("Tanh");
  builder.add("GlobalAveragePool");
  builder.add("Flatten");
  builder.dense("head", 6, 3);
  const Network network(builder.finish(3));
  expect_squares(network, MemoryDataset::random({4, 3}, 3, 20), {"k", "head"});
}

TEST(Squares, WhereAxisZeroIsNotSamples) {
  GraphBuilder builder({5, 6});
  builder.add("Transpose", {}, {{"perm", Numbers{1, 0, 2}}});
  builder.add("MatMul", {builder.constant("steps_first", {6, 4})});
  builder.add("Transpose", {}, {{"perm", Numbers{1, 0, 2}}});
  builder.add("Reshape", {builder.integers("rows", {-1, 4})});
  builder.add("Gemm", {builder.constant("merged", {4, 4})});
  builder.add("Reshape", {builder.integers("unmerged", {-1, 20})});
  builder.add("Gemm", {builder.constant("v", {20, 3})});
  const Network network(builder.finish(3));
  expect_squares(network, MemoryDataset::random({5, 6}, 3, 9), {"steps_first", "merged", "v"});
}

TEST(Squares, OfSharedAndOfUnusualWeights) {
  GraphBuilder builder({4});
  const auto shared = builder.constant("shared", {4, 4});
  builder.add("Gemm", {shared});
  builder.add("Tanh");
  builder.add("Gemm", {shared});
  builder.add("PRelu", {builder.constant("slope", {4})});
  builder.add("Gemm", {builder.constant("v", {4, 3})});
  const Network network(builder.finish(3));
  expect_squares(network, MemoryDataset::random({4}, 3, 9), {"shared", "slope", "v"}, ",all=true");
}

TEST(Squares, OfARecurrentLayer) {
  GraphBuilder builder({5, 3});
  builder.add("Transpose", {}, {{"perm", Numbers{1, 0, 2}}});
  builder.add("LSTM", {builder.constant("w", {1, 16, 3}), builder.constant("r", {1, 16, 4})},
              {{"hidden_size", std::int64_t{4}}});
  builder.add("ReduceMean", {}, {{"axes", Numbers{0, 1}}, {"keepdims", std::int64_t{0}}});
  builder.add("Gemm", {builder.constant("v", {4, 3})});
  const Network network(builder.finish(3));
  expect_squares(network, MemoryDataset::random({5, 3}, 3, 9), {"w", "r", "v"});
}

TEST(Squares, OfANetworkThatTakesOneSampleAtATime) {
  GraphBuilder builder({4, 2});
  builder.add("Reshape", {builder.integers("flat", {1, 8})});
  builder.add("Gemm", {builder.constant("w", {8, 3})});
  Graph graph = builder.finish(3);
  graph.inputs[0].shape[0] = 1;
  expect_squares(Network(graph), MemoryDataset::random({4, 2}, 3, 9), {"w"});
}

TEST(Squares, AreThoseOfTheLogitsBehindSoftmax) {
  for (const std::string op : {"Softmax", "LogSoftmax"}) {
    GraphBuilder plain({6}), ended({6});
    plain.dense("w", 6, 3);
    ended.dense("w", 6, 3);
    ended.add(op, {}, {{"axis", std::int64_t{-1}}});
    const auto data = MemoryDataset::random({6}, 3, 20);
    for (const std::string spec : {"fisher:floor=0", "gauss_newton:mode=recursion", "hessian"}) {
      EXPECT_EQ(estimate(spec, Network(plain.finish(3)), data),
                estimate(spec, Network(ended.finish(3)), data))
          << op << ' ' << spec;
    }
  }
}

}  // namespace
}  // namespace laconic
