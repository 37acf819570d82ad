// Small graphs for the session's tests.

#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "laconic/model.h"
#include "laconic/quantizer.h"
#include "laconic/random.h"
#include "laconic/session.h"

namespace laconic::session_graphs {

inline std::vector<float> random_values(std::int64_t count, std::uint64_t seed) {
  Random random(seed, "session test");
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) value = static_cast<float>(random.normal());
  return out;
}

inline Constant random_constant(Shape shape, std::uint64_t seed) {
  const auto values = random_values(element_count(shape), seed);
  return Constant::of(std::move(shape), std::span<const float>(values));
}

inline Node node(std::string op, std::vector<std::string> inputs, std::string output,
                 std::map<std::string, Attribute, std::less<>> attributes = {}) {
  return {output + "_node",
          std::move(op),
          std::move(inputs),
          {std::move(output)},
          std::move(attributes)};
}

/// Images of 3 x 8 x 8 to four numbers, through a residual block and a pool.
inline Graph residual_classifier() {
  const std::map<std::string, Attribute, std::less<>> same = {
      {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 3, 8, 8}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 4}}};
  graph.nodes = {
      node("Conv", {"x", "w1", "b1"}, "a", same),
      node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, "n"),
      node("Relu", {"n"}, "r"),
      node("Conv", {"r", "w2"}, "c", same),
      node("BatchNormalization", {"c", "scale2", "shift", "mean", "variance"}, "m"),
      node("Add", {"m", "r"}, "s"),
      node("Relu", {"s"}, "t"),
      node("MaxPool", {"t"}, "p",
           {{"kernel_shape", std::vector<std::int64_t>{2, 2}},
            {"strides", std::vector<std::int64_t>{2, 2}}}),
      node("Sigmoid", {"p"}, "g"),
      node("Mul", {"g", "p"}, "u"),
      node("Flatten", {"u"}, "f"),
      node("Gemm", {"f", "w3", "b3"}, "y", {{"transB", std::int64_t{1}}}),
  };
  const std::vector<float> variance = {1, 2, 0.5F, 4, 1, 3};
  graph.constants = {{"w1", random_constant({6, 3, 3, 3}, 1)},
                     {"b1", random_constant({6}, 2)},
                     {"scale", random_constant({6}, 3)},
                     {"scale2", random_constant({6}, 4)},
                     {"shift", random_constant({6}, 5)},
                     {"mean", random_constant({6}, 6)},
                     {"variance", Constant::of({6}, std::span<const float>(variance))},
                     {"w2", random_constant({6, 6, 3, 3}, 7)},
                     {"w3", random_constant({4, 96}, 8)},
                     {"b3", random_constant({4}, 9)}};
  return graph;
}

/// Images of 3 x 8 x 8 to 5 x 4 x 4, with a shortcut that has no weights: every other pixel, with
/// channels put in front and behind.
inline Graph padded_shortcut(const std::string& mode) {
  const auto list = [](std::vector<std::int64_t> values) {
    return Constant::of({static_cast<std::int64_t>(values.size())},
                        std::span<const std::int64_t>(values));
  };
  const std::map<std::string, Attribute, std::less<>> same = {
      {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
  auto halved = same;
  halved.emplace("strides", std::vector<std::int64_t>{2, 2});
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 3, 8, 8}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 8, 4, 4}}};
  graph.nodes = {
      node("Conv", {"x", "w1"}, "a", same),
      node("Slice", {"a", "starts", "ends", "axes", "steps"}, "s"),
      node("Pad", {"s", "pads", "value"}, "p", {{"mode", mode}}),
      node("Conv", {"a", "w2"}, "c", halved),
      node("Add", {"c", "p"}, "t"),
      node("Conv", {"t", "w3"}, "y", same),
  };
  graph.constants = {{"w1", random_constant({5, 3, 3, 3}, 1)},
                     {"w2", random_constant({8, 5, 3, 3}, 2)},
                     {"w3", random_constant({8, 8, 3, 3}, 3)},
                     {"starts", list({-1, 1})},
                     {"ends", list({-100, 100})},
                     {"axes", list({2, 3})},
                     {"steps", list({-2, 2})},
                     {"pads", list({0, 1, 0, 0, 0, 2, 0, 0})},
                     {"value", random_constant({1}, 4)}};
  return graph;
}

/// Images of 3 x 8 x 8 to four numbers, through a block as MobileNets have it: depthwise, gated by
/// its mean, with all the functions that a layer may end in.
inline Graph gated_block() {
  const std::map<std::string, Attribute, std::less<>> same = {
      {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
  auto depthwise = same;
  depthwise.emplace("group", std::int64_t{10});
  Graph graph;
  graph.opset = 14;
  graph.inputs = {{"x", ElementType::float32, {-1, 3, 8, 8}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 4}}};
  graph.nodes = {
      node("Conv", {"x", "w1"}, "a", same),
      node("HardSwish", {"a"}, "as"),
      node("Conv", {"as", "w2"}, "d", depthwise),
      node("Sigmoid", {"d"}, "dg"),
      node("Mul", {"d", "dg"}, "ds"),
      node("GlobalAveragePool", {"ds"}, "m"),
      node("Conv", {"m", "w3"}, "e"),
      node("LeakyRelu", {"e"}, "el"),
      node("Conv", {"el", "w4"}, "g"),
      node("HardSigmoid", {"g"}, "gs"),
      node("Mul", {"ds", "gs"}, "gated"),
      node("Conv", {"gated", "w5"}, "c"),
      node("HardSigmoid", {"c"}, "cg", {{"alpha", 1.0F / 6}}),
      node("Mul", {"cg", "c"}, "cs"),
      node("Conv", {"cs", "w6"}, "t"),
      node("Tanh", {"t"}, "th"),
      node("Flatten", {"th"}, "f"),
      node("Gemm", {"f", "w7"}, "z", {{"transB", std::int64_t{1}}}),
      node("Sigmoid", {"z"}, "y"),
  };
  graph.constants = {
      {"w1", random_constant({10, 3, 3, 3}, 1)}, {"w2", random_constant({10, 1, 3, 3}, 2)},
      {"w3", random_constant({4, 10, 1, 1}, 3)}, {"w4", random_constant({10, 4, 1, 1}, 4)},
      {"w5", random_constant({6, 10, 1, 1}, 5)}, {"w6", random_constant({3, 6, 1, 1}, 6)},
      {"w7", random_constant({4, 192}, 7)}};
  return graph;
}

/// Sequences of 5 x 12 to as many, through attention of 3 heads and a perceptron, as transformers
/// have them.
inline Graph transformer_block() {
  const auto integers = [](std::vector<std::int64_t> values) {
    return Constant::of({std::ssize(values)}, std::span<const std::int64_t>(values));
  };
  const auto scalar = [](float value) { return Constant::of({}, std::span(&value, 1)); };
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 5, 12}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 5, 12}}};
  const auto heads = [&](const std::string& name, std::vector<std::int64_t> order) {
    graph.nodes.push_back(node("MatMul", {"x", "w" + name}, name + "0"));
    graph.nodes.push_back(node("Add", {name + "0", "b" + name}, name + "1"));
    graph.nodes.push_back(node("Reshape", {name + "1", "split"}, name + "2"));
    graph.nodes.push_back(node("Transpose", {name + "2"}, name, {{"perm", std::move(order)}}));
  };
  heads("q", {0, 2, 1, 3});
  heads("k", {0, 2, 3, 1});
  heads("v", {0, 2, 1, 3});
  const std::map<std::string, Attribute, std::less<>> last = {{"axis", std::int64_t{-1}}};
  const std::vector<Node> rest = {
      node("MatMul", {"q", "k"}, "a0"),
      node("Mul", {"a0", "half"}, "a1"),
      node("Softmax", {"a1"}, "a", last),
      node("MatMul", {"a", "v"}, "o0"),
      node("Transpose", {"o0"}, "o1", {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}}),
      node("Reshape", {"o1", "joined"}, "o2"),
      node("MatMul", {"o2", "wo"}, "o3"),
      node("Add", {"bo", "o3"}, "o4"),
      node("Add", {"x", "o4"}, "r"),
      node("MatMul", {"r", "w1"}, "h0"),
      node("Add", {"h0", "b1"}, "h1"),
      node("Div", {"h1", "root"}, "h2"),
      node("Erf", {"h2"}, "h3"),
      node("Add", {"h3", "one"}, "h4"),
      node("Mul", {"h1", "h4"}, "h5"),
      node("Mul", {"h5", "half"}, "h"),
      node("MatMul", {"h", "w2"}, "z0"),
      node("Add", {"z0", "b2"}, "z"),
      node("Add", {"z", "r"}, "y"),
  };
  graph.nodes.insert(graph.nodes.end(), rest.begin(), rest.end());
  graph.constants = {{"split", integers({0, 5, 3, 4})},
                     {"joined", integers({0, 5, 12})},
                     {"half", scalar(0.5F)},
                     {"one", scalar(1)},
                     {"root", scalar(1.41421356F)},
                     {"w1", random_constant({12, 20}, 5)},
                     {"b1", random_constant({20}, 6)},
                     {"w2", random_constant({20, 12}, 7)},
                     {"b2", random_constant({12}, 8)}};
  std::uint64_t seed = 10;
  for (const std::string name : {"q", "k", "v", "o"}) {
    graph.constants.emplace("w" + name, random_constant({12, 12}, seed++));
    graph.constants.emplace("b" + name, random_constant({12}, seed++));
  }
  return graph;
}

/// x of [batch, 2, 5] through one of the ways to write a hard swish, or what looks like one.
inline Graph hard_swish_graph(int way, float shift = 3, float most = 6) {
  const auto scalar = [](float value) { return Constant::of({}, std::span(&value, 1)); };
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 2, 5}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 2, 5}}};
  graph.constants = {{"shift", scalar(shift)},
                     {"none", scalar(0)},
                     {"most", scalar(most)},
                     {"six", scalar(6)},
                     {"sixth", scalar(1.0F / 6)}};
  graph.nodes = {node("Add", {"x", "shift"}, "a"), node("Clip", {"a", "none", "most"}, "c")};
  const std::vector<std::vector<Node>> ways = {
      {node("Mul", {"x", "c"}, "p"), node("Div", {"p", "six"}, "y")},
      {node("Mul", {"c", "x"}, "p"), node("Mul", {"sixth", "p"}, "y")},
      {node("Div", {"c", "six"}, "s"), node("Mul", {"x", "s"}, "y")},
      {node("Mul", {"c", "sixth"}, "s"), node("Mul", {"s", "x"}, "y")},
      {node("Div", {"c", "six"}, "y")}};
  for (const Node& rest : ways[static_cast<std::size_t>(way)]) graph.nodes.push_back(rest);
  return graph;
}

/// x of [batch, 4, 6], less its mean and divided by its deviation over an axis, as networks have it
/// where the exporter knows no LayerNormalization.
inline Graph layer_normalization_graph(bool power, std::int64_t axis = -1,
                                       std::int64_t opset = 13) {
  const auto scalar = [](float value) { return Constant::of({}, std::span(&value, 1)); };
  Graph graph;
  graph.opset = opset;
  graph.inputs = {{"x", ElementType::float32, {-1, 4, 6}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 4, 6}}};
  graph.constants = {{"two", scalar(2)},
                     {"epsilon", scalar(1e-2F)},
                     {"scale", random_constant({6}, 1)},
                     {"shift", random_constant({6}, 2)}};
  std::map<std::string, Attribute, std::less<>> over;
  std::vector<std::string> more;
  if (opset < 18) {
    over.emplace("axes", std::vector<std::int64_t>{axis});
  } else {
    graph.constants.emplace("axes", Constant::of({1}, std::span(&axis, 1)));
    more = {"axes"};
  }
  const auto mean = [&](const std::string& of, const std::string& to) {
    std::vector<std::string> inputs = {of};
    inputs.insert(inputs.end(), more.begin(), more.end());
    graph.nodes.push_back(node("ReduceMean", inputs, to, over));
  };
  mean("x", "m");
  graph.nodes.push_back(node("Sub", {"x", "m"}, "d"));
  graph.nodes.push_back(power ? node("Pow", {"d", "two"}, "s") : node("Mul", {"d", "d"}, "s"));
  mean("s", "v");
  for (const Node& rest :
       {node("Add", {"v", "epsilon"}, "e"), node("Sqrt", {"e"}, "r"), node("Div", {"d", "r"}, "n"),
        node("Mul", {"scale", "n"}, "g"), node("Add", {"g", "shift"}, "y")}) {
    graph.nodes.push_back(rest);
  }
  return graph;
}

/// All weights quantized by `spec`.
inline CompressedNetwork quantized(Graph graph, std::string_view spec) {
  CompressedNetwork network;
  const auto quantizer = make_quantizer(spec);
  for (const auto& info : parameters(graph)) {
    const Constant constant = graph.constants.find(info.name)->second;
    Tensor tensor =
        DenseTensor{constant.shape(), {constant.floats().begin(), constant.floats().end()}};
    if (info.role == Role::weight) {
      const std::vector<WeightsView> views = {{constant.shape(), constant.floats()}};
      tensor = quantize(*quantizer, views)[0];
    }
    graph.constants.erase(info.name);
    network.tensors.emplace(info.name, QuantizedParameter{std::move(tensor), "", "auto"});
  }
  network.graph = std::move(graph);
  return network;
}

/// The first answer to random inputs of that batch.
inline std::vector<float> answer(Session& session, std::int64_t batch) {
  Shape shape = session.inputs()[0].shape;
  shape[0] = batch;
  const auto values = random_values(element_count(shape), 11);
  const TensorView view(shape, values);
  const auto out = session.run({&view, 1})[0].floats();
  return {out.begin(), out.end()};
}

}  // namespace laconic::session_graphs
