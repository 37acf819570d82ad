// Losses by hand, gradients by finite differences, running statistics by definition.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "network_graphs.h"
#include "toy_data.h"
#include "train/gradients.h"
#include "train/loss.h"
#include "train/mixing.h"
#include "train/running_statistics.h"
#include "train/sample_order.h"

namespace laconic {
namespace {

Graph ending_in(const std::string& op) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 3}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 3}}};
  graph.nodes = {node("Gemm", {"x", "w", "b"}, {"z"}, {{"transB", std::int64_t{1}}}),
                 node(op, {"z"}, {"y"})};
  graph.constants = {{"w", random_floats({3, 3}, 1)}, {"b", random_floats({3}, 2)}};
  return graph;
}

const at::Tensor logits = at::tensor({1.0f, 2.0f, -1.0f, 0.5f, 0.0f, 3.0f}).reshape({2, 3});
const at::Tensor labels = at::tensor({1, 0}, at::kLong);

double value_of(const std::string& op, Loss kind, const at::Tensor& outputs,
                const Distillation& distillation = {}, const at::Tensor& taught = {}) {
  return LossFunction(ending_in(op), kind, distillation)
      .sum(outputs, labels, taught)
      .item<double>();
}

/// Row i's softmax at some temperature, in double.
std::vector<double> softmax(const at::Tensor& rows, std::int64_t i, double temperature) {
  std::vector<double> out;
  double sum = 0;
  for (std::int64_t k = 0; k < 3; ++k) {
    out.push_back(std::exp(rows[i][k].item<double>() / temperature));
    sum += out.back();
  }
  for (auto& value : out) value /= sum;
  return out;
}

TEST(LossFunction, IsCrossEntropyOfWhateverTheNetworkAnswers) {
  const double expected = -std::log(softmax(logits, 0, 1)[1]) - std::log(softmax(logits, 1, 1)[0]);
  EXPECT_NEAR(value_of("Relu", Loss::cross_entropy, logits), expected, 1e-6);
  EXPECT_NEAR(value_of("Softmax", Loss::cross_entropy, logits.softmax(1)), expected, 1e-6);
  EXPECT_NEAR(value_of("LogSoftmax", Loss::cross_entropy, logits.log_softmax(1)), expected, 1e-6);
}

TEST(LossFunction, IsSquareHinge) {
  const auto hinge = [](double margin) { return std::pow(std::max(0.0, 1 - margin), 2); };
  const double expected = (hinge(-1) + hinge(2) + hinge(1) + hinge(0.5) + hinge(0) + hinge(-3)) / 3;
  EXPECT_NEAR(value_of("Relu", Loss::square_hinge, logits), expected, 1e-6);
}

TEST(LossFunction, LearnsFromATeacher) {
  const Network teacher(ending_in("Relu"));
  const at::Tensor taught = at::tensor({0.0f, 1.0f, 1.0f, -2.0f, 0.5f, 1.0f}).reshape({2, 3});
  const double plain = value_of("Relu", Loss::cross_entropy, logits);
  double distance = 0;
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto p = softmax(taught, i, 3), q = softmax(logits, i, 3);
    for (std::size_t k = 0; k < 3; ++k) distance += p[k] * std::log(p[k] / q[k]);
  }
  EXPECT_NEAR(value_of("Relu", Loss::cross_entropy, logits, {&teacher, 3, 0.7}, taught),
              0.3 * plain + 0.7 * 9 * distance, 1e-5);
  EXPECT_NEAR(value_of("Relu", Loss::cross_entropy, taught, {&teacher, 3, 1}, taught), 0, 1e-6);
  EXPECT_THROW((void)value_of("Relu", Loss::cross_entropy, logits, {&teacher, 0, 1}, taught),
               Error);
  EXPECT_THROW((void)value_of("Relu", Loss::cross_entropy, logits, {&teacher, 1, 2}, taught),
               Error);
  EXPECT_THROW((void)value_of("Relu", Loss::cross_entropy, logits, {&teacher, 1, 1, -0.1}, taught),
               Error);
  const LossFunction loss(ending_in("Relu"), Loss::cross_entropy, {&teacher, 3, 0.7});
  EXPECT_NEAR(loss.sum_on_teacher(logits, taught).item<double>(), 9 * distance, 1e-5);
}

TEST(Mixing, TakesEachSampleWithTheNext) {
  at::Tensor samples = at::tensor({0.0f, 0.0f, 10.0f, 20.0f, 100.0f, 200.0f}).reshape({3, 2});
  const auto given = samples.clone();
  mix_first(samples, 2, 5);
  for (int i = 0; i < 2; ++i) {
    const auto share = (samples[i] - given[i]) / (given[i + 1] - given[i]);
    EXPECT_NEAR(share[0].item<double>(), share[1].item<double>(), 1e-5);
    EXPECT_GT(share[0].item<double>(), 0);
    EXPECT_LT(share[0].item<double>(), 1);
  }
  EXPECT_TRUE(samples[2].equal(given[2]));
  mix_first(samples, 3, 5);
  EXPECT_FALSE(samples[2].equal(given[2]));  // With the first, as it was.
}

TEST(Mixing, IsOfNumbersWithOneLabel) {
  EXPECT_TRUE(can_mix(small_classifier(), ToyData({2, 6, 6}, 3, 10)));
  auto indices = small_classifier();
  indices.nodes.insert(indices.nodes.begin(), node("Cast", {indices.inputs[0].name}, {"whole"},
                                                   {{"to", std::int64_t{7}}}));
  EXPECT_FALSE(can_mix(indices, ToyData({2, 6, 6}, 3, 10)));
}

std::vector<std::int64_t> first(std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

class GradientsTest : public testing::Test {
 protected:
  ToyData data{{2, 6, 6}, 3, 300};
  Network network{small_classifier()};
  TrainOptions options;
};

TEST_F(GradientsTest, AreThoseOfTheMeanLoss) {
  options.training_mode = false;
  Gradients gradients(network, data, options);
  EXPECT_THAT(gradients.trained(),
              testing::ElementsAre("w1", "b1", "scale", "shift", "w2", "w3", "b3"));
  const auto loss = [&] { return gradients.compute(first(70), {}).loss / 70; };
  (void)loss();
  for (const auto& name : gradients.trained()) {
    at::Tensor parameter = network.parameter(name).detach();
    const auto gradient = network.parameter(name).grad().clone();
    const auto direction = gradient / gradient.norm();
    constexpr double width = 1e-2;
    parameter.add_(direction, width);
    const double above = loss();
    parameter.add_(direction, -2 * width);
    const double below = loss();
    parameter.add_(direction, width);
    const double slope = gradient.norm().item<double>();
    EXPECT_NEAR((above - below) / (2 * width), slope, 0.02 * slope + 1e-4) << name;
  }
}

TEST_F(GradientsTest, DoNotDependOnThreads) {
  Gradients gradients(network, data, options);
  std::vector<at::Tensor> sums;
  std::vector<double> losses;
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    const auto result = gradients.compute(first(150), {1, 2});
    EXPECT_EQ(result.statistics.size(), 5u);
    losses.push_back(result.loss);
    sums.push_back(network.parameter("w1").grad().clone());
  }
  set_threads(0);
  for (std::size_t i = 1; i < sums.size(); ++i) {
    EXPECT_EQ(losses[i], losses[0]);
    EXPECT_TRUE(at::equal(sums[i], sums[0]));
  }
}

TEST_F(GradientsTest, CountWhatIsRight) {
  Gradients gradients(network, data, options);
  options.training_mode = false;
  const auto result = gradients.compute(first(150), {});
  const auto score = evaluate(network, data, Part::train, {.limit = 150});
  EXPECT_EQ(static_cast<double>(result.right), score.accuracy * 150);
  EXPECT_NEAR(result.loss, score.loss * 150, 1e-4);
}

TEST_F(GradientsTest, NeedSomethingToTrain) {
  options.trains = [](const ParameterInfo&) { return false; };
  EXPECT_THROW(Gradients(network, data, options), Error);
}

TEST(RunningStatistics, FollowTheMinibatchWhole) {
  Network network(small_classifier());
  const Node& bn = network.graph().nodes[1];
  const at::Tensor a = random_tensor({40, 4}, 1), b = random_tensor({24, 4}, 2) * 2 + 1;
  std::vector<std::vector<ShardStatistics>> shards;
  for (const auto& part : {a, b}) {
    shards.push_back({{&bn, part.mean(0), part.var(0, false), part.size(0)}});
  }
  update_running_statistics(network, shards);
  const auto all = at::cat({a, b}).to(at::kDouble);
  const Network before(small_classifier());
  const auto expected = [&](const char* name, const at::Tensor& measured) {
    return 0.9 * before.parameter(name).detach().to(at::kDouble) + 0.1 * measured;
  };
  EXPECT_TRUE(at::allclose(network.parameter("mean").to(at::kDouble), expected("mean", all.mean(0)),
                           1e-6, 1e-6));
  EXPECT_TRUE(at::allclose(network.parameter("variance").to(at::kDouble),
                           expected("variance", all.var(0, true)), 1e-6, 1e-6));
}

TEST(RunningStatistics, CannotBeShared) {
  Graph graph = small_classifier();
  graph.nodes[4].inputs = {"c", "m"};
  graph.nodes.insert(
      graph.nodes.begin() + 4,
      node("BatchNormalization", {"r", "scale", "shift", "mean", "variance"}, {"m"}));
  EXPECT_THROW(check_running_statistics(Network(graph)), Error);
  check_running_statistics(Network(small_classifier()));
}

TEST(SampleOrder, TakesEverySampleOnceAnEpoch) {
  SampleOrder order(103, 10, 7);
  EXPECT_EQ(order.steps_per_epoch(), 10);
  std::vector<std::vector<std::int64_t>> epochs(2);
  for (std::int64_t step = 0; step < 20; ++step) {
    const auto indices = order.minibatch(step);
    EXPECT_EQ(indices.size(), 10u);
    auto& epoch = epochs[static_cast<std::size_t>(step / 10)];
    epoch.insert(epoch.end(), indices.begin(), indices.end());
  }
  EXPECT_NE(epochs[0], epochs[1]);
  for (auto& epoch : epochs) {
    std::ranges::sort(epoch);
    EXPECT_EQ(std::ranges::adjacent_find(epoch), epoch.end());
    EXPECT_TRUE(epoch.front() >= 0 && epoch.back() < 103);
  }
  SampleOrder again(103, 10, 7);
  const auto here = order.minibatch(13), there = again.minibatch(13);
  EXPECT_TRUE(std::ranges::equal(here, there));
  EXPECT_EQ(SampleOrder(5, 10, 7).minibatch(0).size(), 5u);
}

}  // namespace
}  // namespace laconic
