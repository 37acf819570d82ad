// Network: parameters, overrides, hooks, training, and that its shortcuts change nothing.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "laconic/error.h"
#include "laconic/network.h"
#include "laconic/threads.h"
#include "network_graphs.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

using testing::HasSubstr;
using Overrides = std::map<std::string, at::Tensor, std::less<>>;

template <typename Action>
std::string message_of(ErrorCode code, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "no error";
}

at::Tensor answer(const Network& network, const at::Tensor& x, const RunOptions& options = {}) {
  return network.run(std::array{x}, options)[0];
}

const at::Tensor images = random_tensor({5, 2, 6, 6}, 100);

TEST(Network, KnowsItsParameters) {
  Network network(small_classifier());
  std::vector<std::string> names;
  for (const auto& info : network.parameters()) names.push_back(info.name);
  EXPECT_THAT(names, testing::ElementsAre("w1", "b1", "scale", "shift", "mean", "variance", "w2",
                                          "w3", "b3"));
  EXPECT_TRUE(network.parameter("w1").is_leaf());
  EXPECT_TRUE(network.parameter("w1").requires_grad());
  EXPECT_FALSE(network.parameter("variance").requires_grad());
  EXPECT_THAT(message_of(ErrorCode::invalid_argument, [&] { (void)network.parameter("w9"); }),
              HasSubstr("\"w9\""));
}

TEST(Network, GivesBackTheGraphWithPresentValues) {
  Network network(small_classifier());
  EXPECT_EQ(network.to_graph(), small_classifier());
  {
    const at::NoGradGuard guard;
    network.parameter("b3").fill_(2);
  }
  const Graph changed = network.to_graph();
  EXPECT_EQ(changed.constants.find("b3")->second, floats({3}, {2, 2, 2}));
  EXPECT_EQ(network.graph(), small_classifier());
}

TEST(Network, AnswersTheSameWithAndWithoutGradients) {
  const Network network(small_classifier());
  const at::Tensor with = answer(network, images);
  EXPECT_TRUE(with.requires_grad());
  const at::Tensor input = images.clone();
  const at::NoGradGuard guard;
  EXPECT_TRUE(at::equal(answer(network, input), with));
  EXPECT_TRUE(at::equal(input, images)) << "wrote over the caller's input";
}

TEST(Network, AnswersTheSameFromManyThreads) {
  const Network network(small_classifier());
  for (const int count : {1, 2, 8}) {
    set_threads(count);
    std::vector<at::Tensor> answers(16);
    torch_parallel_for(16, [&](std::int64_t i) {
      const at::NoGradGuard guard;
      answers[static_cast<std::size_t>(i)] = answer(network, images);
    });
    for (const auto& other : answers) EXPECT_TRUE(at::equal(other, answers[0]));
  }
  set_threads(0);
}

TEST(Network, OverridesParametersForOneRun) {
  Network network(small_classifier());
  const at::Tensor before = answer(network, images);
  const Overrides overrides{{"b3", network.parameter("b3").detach() + 1}};
  RunOptions options;
  options.overrides = &overrides;
  EXPECT_TRUE(at::allclose(answer(network, images, options), before + 1));
  EXPECT_TRUE(at::equal(answer(network, images), before));
  const Overrides unknown{{"nothing", at::zeros({1})}};
  options.overrides = &unknown;
  EXPECT_THAT(message_of(ErrorCode::invalid_argument, [&] { answer(network, images, options); }),
              HasSubstr("\"nothing\""));
}

TEST(Network, HooksSeeEveryNodeAndMayReplaceOutputs) {
  const Network network(small_classifier());
  std::vector<std::string> ran;
  std::map<std::string, at::Tensor> kept, copies;
  RunOptions options;
  options.before = [&](const Node& n, std::span<const at::Tensor> inputs) {
    ran.push_back(n.op);
    kept[n.outputs[0]] = inputs[0];
    copies[n.outputs[0]] = inputs[0].clone();
  };
  options.after = [](const Node& n, std::span<at::Tensor> outputs) {
    if (n.op == "Gemm") outputs[0] = outputs[0] * 2;
  };
  const at::NoGradGuard guard;
  const at::Tensor doubled = answer(network, images, options);
  EXPECT_TRUE(at::equal(doubled, 2 * answer(network, images)));
  EXPECT_THAT(ran, testing::ElementsAre("Conv", "BatchNormalization", "Relu", "Conv", "Add", "Relu",
                                        "GlobalAveragePool", "Flatten", "Gemm"));
  for (const auto& [name, value] : kept) EXPECT_TRUE(at::equal(value, copies[name])) << name;
}

TEST(Network, TrainsByTheStatisticsOfTheBatch) {
  const Network network(small_classifier());
  at::Tensor input, mean, variance;
  std::int64_t count = 0;
  RunOptions options;
  options.training = true;
  options.before = [&](const Node& n, std::span<const at::Tensor> inputs) {
    if (n.op == "BatchNormalization") input = inputs[0].detach();
  };
  options.batch_statistics = [&](const Node&, const at::Tensor& m, const at::Tensor& v,
                                 std::int64_t c) {
    mean = m;
    variance = v;
    count = c;
  };
  const at::Tensor trained = answer(network, images, options);
  EXPECT_EQ(count, 5 * 6 * 6);
  EXPECT_TRUE(at::allclose(mean, input.mean({0, 2, 3}), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(variance, at::var(input, {0, 2, 3}, false), 1e-4, 1e-6));
  const Overrides measured{{"mean", mean}, {"variance", variance}};
  RunOptions evaluation;
  evaluation.overrides = &measured;
  EXPECT_TRUE(at::allclose(answer(network, images, evaluation), trained, 1e-4, 1e-5));
}

TEST(Network, DropsOutBySeedInTrainingAlone) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1}}};
  graph.outputs = {{"y", ElementType::float32, {-1}}};
  graph.nodes = {node("Dropout", {"x", "ratio"}, {"y"})};
  graph.constants = {{"ratio", floats({}, {0.25F})}};
  const Network network(graph);
  const at::Tensor x = at::ones({4000});
  EXPECT_TRUE(at::equal(answer(network, x), x));
  RunOptions options;
  options.training = true;
  options.seed = 7;
  const at::Tensor y = answer(network, x, options);
  EXPECT_TRUE(at::equal(answer(network, x, options), y));
  EXPECT_NEAR(y.mean().item<double>(), 1, 0.05);
  EXPECT_TRUE(at::logical_or(y == 0, at::isclose(y, at::full({}, 4.0F / 3))).all().item<bool>());
  options.seed = 8;
  EXPECT_FALSE(at::equal(answer(network, x, options), y));
}

TEST(Network, NamesWhatDoesNotFit) {
  const Network network(small_classifier());
  EXPECT_THAT(message_of(ErrorCode::invalid_data,
                         [&] {
                           answer(network, at::zeros({1, 3, 6, 6}));
                         }),
              testing::AllOf(HasSubstr("Conv node 'a_node'"), HasSubstr("1x3x6x6")));
  EXPECT_THAT(message_of(ErrorCode::invalid_data, [&] { (void)network.run({}); }),
              HasSubstr("takes 1 inputs, not 0"));
  Graph unknown = small_classifier();
  unknown.nodes[2].op = "Mystery";
  EXPECT_THAT(message_of(ErrorCode::unsupported_operator, [&] { Network{unknown}; }),
              HasSubstr("Mystery node 'r_node'"));
  Network here(small_classifier());
  EXPECT_THAT(message_of(ErrorCode::unsupported_hardware, [&] { here.to("abacus"); }),
              HasSubstr("\"abacus\""));
}

TEST(Network, RefusesValuesOfAbsurdSize) {
  Graph graph;
  graph.inputs = {{"shape", ElementType::int64, {3}}};
  graph.outputs = {{"y", ElementType::float32, {-1, -1, -1}}};
  graph.nodes = {node("ConstantOfShape", {"shape"}, {"y"})};
  const Network network(graph);
  const std::int64_t huge = std::int64_t{1} << 40;
  const at::Tensor shape = at::tensor(std::vector<std::int64_t>{huge, huge, 1});
  EXPECT_THAT(message_of(ErrorCode::invalid_data, [&] { answer(network, shape); }),
              HasSubstr("elements are allowed"));
}

TEST(Network, SurvivesWhatTrapsTheProcessor) {
  Graph graph;
  graph.inputs = {{"a", ElementType::int64, {1}}, {"b", ElementType::int64, {1}}};
  graph.outputs = {{"q", ElementType::int64, {1}}};
  graph.nodes = {node("Div", {"a", "b"}, {"q"})};
  const Network division(graph);
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  const auto quotient = [&](std::int64_t a, std::int64_t b) {
    return division.run(std::array{at::full({1}, a), at::full({1}, b)})[0].item<std::int64_t>();
  };
  EXPECT_EQ(quotient(lowest, -1), lowest);
  EXPECT_EQ(quotient(-7, 2), -3);
  EXPECT_EQ(quotient(7, -1), -7);
  EXPECT_THROW(quotient(1, 0), Error);
  const Network empty(small_classifier());
  EXPECT_THROW(answer(empty, at::zeros({0, 2, 6, 6})), Error);
}

}  // namespace
}  // namespace laconic
