// What passes make of a network: the same answers in fewer steps.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "errors.h"
#include "laconic/session.h"
#include "runtime/program.h"
#include "session_graphs.h"

namespace laconic {
namespace {

using namespace session_graphs;
using testing::FloatNear;
using testing::Pointwise;

TEST(Session, MakesFunctionsBehindALayerPartOfIt) {
  auto program = runtime::make_program({gated_block(), {}});
  runtime::find_swishes(program);
  runtime::fuse_functions(program);
  std::vector<std::string> left;
  for (const Node& node : program.graph.nodes) left.push_back(node.op);
  EXPECT_THAT(left, testing::ElementsAre("Conv", "Conv", "GlobalAveragePool", "Conv", "Conv", "Mul",
                                         "Conv", "Conv", "Flatten", "Gemm"));
}

/// x (1 + erf(x / sqrt(2))) / 2 as exporters write it, halved at once or at last.
Graph gelu_graph(bool halved_first, float half = 0.5F) {
  const auto scalar = [](float value) { return Constant::of({}, std::span(&value, 1)); };
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 7}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 7}}};
  graph.constants = {{"root", scalar(std::sqrt(2.0F))}, {"one", scalar(1)}, {"half", scalar(half)}};
  graph.nodes = {node("Div", {"x", "root"}, "d"), node("Erf", {"d"}, "e"),
                 node("Add", {"e", "one"}, "s")};
  if (halved_first) {
    graph.nodes.push_back(node("Mul", {"x", "half"}, "h"));
    graph.nodes.push_back(node("Mul", {"h", "s"}, "y"));
  } else {
    graph.nodes.push_back(node("Mul", {"x", "s"}, "p"));
    graph.nodes.push_back(node("Mul", {"p", "half"}, "y"));
  }
  return graph;
}

TEST(Session, FindsGelus) {
  for (const bool halved_first : {false, true}) {
    auto program = runtime::make_program({gelu_graph(halved_first), {}});
    runtime::find_gelus(program);
    ASSERT_EQ(program.graph.nodes.size(), 1U);
    EXPECT_EQ(program.graph.nodes[0].op, "Gelu");
    Session session(gelu_graph(halved_first));
    const std::vector<float> x = {-3, -1, -0.25F, 0, 0.5F, 1, 4};
    std::vector<float> expected;
    for (const float value : x)
      expected.push_back(value / 2 * (1 + std::erf(value / std::sqrt(2.0F))));
    const Shape shape{1, 7};
    const TensorView view(shape, x);
    const auto answers = session.run({&view, 1});
    EXPECT_THAT(answers[0].floats(), Pointwise(FloatNear(1e-6F), expected));

    auto other = runtime::make_program({gelu_graph(halved_first, 0.4F), {}});
    runtime::find_gelus(other);
    EXPECT_EQ(other.graph.nodes.size(), 5U);
  }
}

TEST(Session, MakesBiasesAndResidualsOfProductsPartOfThem) {
  auto program = runtime::make_program({transformer_block(), {}});
  runtime::turn_weights(program);
  runtime::fuse_biases(program);
  runtime::find_gelus(program);
  runtime::fuse_functions(program);
  const auto count = [&](std::string_view op) {
    return std::ranges::count(program.graph.nodes, op, &Node::op);
  };
  EXPECT_EQ(count("Add"), 2);  // Residuals, of which only shapes tell.
  EXPECT_EQ(count("Mul"), 1);  // The scale of attention.
  EXPECT_EQ(count("Erf"), 0);
  EXPECT_EQ(count("Gelu"), 0);
  EXPECT_EQ(count("MatMul"), 8);
}

TEST(Session, AddsWhatIsBroadcastOverABatchThatIsNotKnown) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 3, 4}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 3, 4}}};
  graph.constants = {{"w", random_constant({4, 4}, 1)}, {"places", random_constant({1, 3, 4}, 2)}};
  graph.nodes = {node("MatMul", {"x", "w"}, "m"), node("Add", {"m", "places"}, "y")};
  for (const auto& shapes : {std::map<std::string, Shape, std::less<>>{}, {{"x", {1, 3, 4}}}}) {
    Session session(graph, {.shapes = shapes});
    const auto one = answer(session, 1);
    EXPECT_EQ(answer(session, 5).size(), 5 * one.size());
  }
}

TEST(Session, RefusesOperatorsWithoutTheirInputs) {
  // Passes that look for patterns meet these before inputs are counted.
  for (const char* const op :
       {"Mul", "Add", "Div", "Erf", "Relu", "HardSwish", "BatchNormalization"}) {
    for (const auto& inputs : {std::vector<std::string>{}, {"a"}, {"", "a"}}) {
      Graph graph;
      graph.inputs = {{"x", ElementType::float32, {1, 4}}};
      graph.outputs = {{"y", ElementType::float32, {1, 4}}};
      graph.constants = {{"w", random_constant({4, 4}, 1)}};
      graph.nodes = {node("MatMul", {"x", "w"}, "m"), node("Sigmoid", {"m"}, "a"),
                     node(op, inputs, "y")};
      if (inputs == std::vector<std::string>{"a"} &&
          (op == std::string_view("Erf") || op == std::string_view("Relu") ||
           op == std::string_view("HardSwish")))
        continue;
      EXPECT_THROW((void)Session(graph), Error) << op << " of " << inputs.size();
    }
  }
}

TEST(Session, KeepsProductsThatAreNoSwish) {
  Graph graph = gated_block();
  graph.nodes[4].inputs = {"as", "dg"};  // Another value's gate.
  graph.nodes[12].attributes["alpha"] = 0.25F;
  auto program = runtime::make_program({graph, {}});
  runtime::find_swishes(program);
  const auto count = [&](std::string_view op) {
    return std::ranges::count(program.graph.nodes, op, &Node::op);
  };
  EXPECT_EQ(count("Swish"), 0);
  EXPECT_EQ(count("HardSwish"), 1);
  EXPECT_EQ(count("Mul"), 3);
}

TEST(Session, FoldsNormalizationsThatFilesHoldAsQuantizedTensors) {
  auto network = quantized(residual_classifier(), "uniform:levels=15");
  for (auto& [name, parameter] : network.tensors) {
    const auto* dense = std::get_if<DenseTensor>(&parameter.tensor);
    if (dense == nullptr || dense->shape.size() != 1) continue;
    const std::vector<WeightsView> views = {{dense->shape, dense->values}};
    parameter.tensor = quantize(*make_quantizer("uniform:levels=31"), views)[0];
  }
  auto program = runtime::make_program(network);
  runtime::fold_normalizations(program);
  for (const Node& node : program.graph.nodes) EXPECT_NE(node.op, "BatchNormalization");
  Session folded(network, {.kernels = LayerKernels::packed});
  Session dense(to_graph(network), {.kernels = LayerKernels::dense});
  EXPECT_THAT(answer(folded, 2), Pointwise(FloatNear(1e-3F), answer(dense, 2)));
}

TEST(Session, FindsHardSwishesAndSigmoids) {
  for (const int way : {0, 1, 2, 3, 4}) {
    const Graph graph = hard_swish_graph(way);
    auto program = runtime::make_program({graph, {}});
    runtime::find_hard_sigmoids(program);
    runtime::find_swishes(program);
    ASSERT_EQ(program.graph.nodes.size(), 1U) << way;
    EXPECT_EQ(program.graph.nodes[0].op, way < 4 ? "HardSwish" : "HardSigmoid");
    Session session(graph);
    const auto x = random_values(30, 11);
    std::vector<float> expected;
    for (const float value : x) {
      const float gate = std::clamp(value + 3, 0.0F, 6.0F) / 6;
      expected.push_back(way < 4 ? value * gate : gate);
    }
    EXPECT_THAT(answer(session, 3), Pointwise(FloatNear(1e-6F), expected));
    for (const Graph& other : {hard_swish_graph(way, 2.5F), hard_swish_graph(way, 3, 5)}) {
      auto kept = runtime::make_program({other, {}});
      runtime::find_hard_sigmoids(kept);
      EXPECT_EQ(kept.graph.nodes.size(), other.nodes.size()) << way;
    }
  }
}

std::size_t nodes_after(Graph graph) {
  auto program = runtime::make_program({std::move(graph), {}});
  program.max_elements = 1 << 20;
  std::vector<runtime::Signatures> guesses(1);
  for (const auto& name : {"x", "m", "d", "s", "v", "e", "r", "n", "g", "y"})
    guesses[0][name] = {ElementType::float32, {1, 4, 6}};
  runtime::find_layer_normalizations(program, guesses);
  return program.graph.nodes.size();
}

TEST(Session, FindsLayerNormalizations) {
  for (const bool power : {false, true}) {
    for (const std::int64_t opset : {13, 18}) {
      for (const std::int64_t axis : {-1, 2}) {
        const Graph graph = layer_normalization_graph(power, axis, opset);
        EXPECT_EQ(nodes_after(graph), 1U);
        Session whole(graph);
        Graph steps = graph;
        steps.outputs.push_back({"d", ElementType::float32, {}, false});
        EXPECT_EQ(nodes_after(steps), steps.nodes.size());
        Session single(steps);
        EXPECT_THAT(answer(whole, 3), Pointwise(FloatNear(1e-5F), answer(single, 3)));
      }
    }
  }
}

/// Each with an open extent of its own, which guesses of one extent for all take to be the same.
TEST(Session, AddsWhatIsBroadcastFromAnotherInput) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 4}}, {"p", ElementType::float32, {-1, 3}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 3}}};
  graph.constants = {{"w", random_constant({4, 3}, 1)}};
  graph.nodes = {node("MatMul", {"x", "w"}, "m"), node("Add", {"m", "p"}, "y")};
  const auto x = random_values(20, 1), p = random_values(15, 2);
  const auto answer = [&](std::int64_t rows) {
    Session session(graph, {.kernels = LayerKernels::dense});
    const Shape x_shape{5, 4}, p_shape{rows, 3};
    const std::vector<TensorView> views = {
        TensorView(x_shape, x),
        TensorView(p_shape, std::span(p).first(static_cast<std::size_t>(3 * rows)))};
    const auto out = session.run(views)[0].floats();
    return std::vector<float>(out.begin(), out.end());
  };
  const auto one = answer(1), all = answer(5);
  ASSERT_EQ(one.size(), 15U);
  EXPECT_THAT(std::span(one).first(3), Pointwise(FloatNear(1e-6F), std::span(all).first(3)));
  for (std::size_t i = 3; i < 15; ++i) EXPECT_NEAR(one[i] - p[i % 3], all[i] - p[i], 1e-5F) << i;
}

TEST(Session, KeepsWhatIsNoLayerNormalization) {
  EXPECT_EQ(nodes_after(layer_normalization_graph(true, 1)), 9U);
  Graph graph = layer_normalization_graph(true);
  graph.constants["two"] = random_constant({}, 3);
  EXPECT_EQ(nodes_after(graph), 9U);
  graph = layer_normalization_graph(false);
  graph.constants["scale"] = random_constant({1}, 3);
  EXPECT_EQ(nodes_after(graph), 9U);
  graph = layer_normalization_graph(false);
  graph.nodes[3].inputs[0] = "d";  // The mean of what is no square.
  EXPECT_EQ(nodes_after(graph), 9U);
  graph = layer_normalization_graph(true);
  graph.nodes[1].inputs = {"m", "x"};
  EXPECT_EQ(nodes_after(graph), 9U);
}

TEST(ScaleRows, MultipliesEveryRow) {
  const auto weights = random_values(5 * 12, 4);
  const std::vector<double> factors = {2, -0.7, 0, 1e-3, -1};
  const std::vector<WeightsView> views = {{{5, 12}, weights}};
  for (const char* spec : {"uniform:levels=15", "kmeans:levels=6"}) {
    for (const std::int64_t block : {60, 24, 12, 4}) {
      const Granularity granularity{Granularity::Kind::per_group, block};
      const auto tensor = quantize(*make_quantizer(spec), views, granularity)[0];
      const auto before = dequantize(tensor);
      const auto streamed = stream(std::make_shared<const QuantizedTensor>(tensor));
      const auto scaled = runtime::scale_rows(streamed, factors);
      validate(collect(std::get<StreamedTensor>(scaled)));
      const auto after = runtime::dequantize(scaled);
      for (std::size_t i = 0; i < before.size(); ++i) {
        const auto wanted = static_cast<double>(before[i]) * factors[i / 12];
        EXPECT_NEAR(after[i], wanted, std::abs(wanted) * 1e-6) << spec << " " << block;
      }
    }
  }
}

}  // namespace
}  // namespace laconic
