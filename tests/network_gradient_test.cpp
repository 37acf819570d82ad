// First and second derivatives of every differentiable operator against finite differences, in
// double precision.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <array>
#include <set>
#include <variant>

#include "laconic/network.h"
#include "laconic/onnx.h"
#include "network_graphs.h"

namespace laconic {
namespace {

struct LeftOut {};

/// A random value of that shape that is differentiated by, numbers above 1/2 of that shape, a
/// constant, or nothing.
struct Positive {
  Shape shape;
};
using Input = std::variant<Shape, Positive, Constant, LeftOut>;

struct Case {
  std::string op;
  std::vector<Input> inputs;
  std::map<std::string, Attribute, std::less<>> attributes = {};
  std::size_t outputs = 1;
  bool training = false;
};

using Ints = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

Constant bytes(const std::vector<std::int8_t>& values) {
  std::vector<std::byte> raw;
  for (const auto value : values) raw.push_back(static_cast<std::byte>(value));
  return Constant(ElementType::int8, {static_cast<std::int64_t>(values.size())}, raw);
}

Constant flags(const std::vector<bool>& values) {
  std::vector<std::byte> raw;
  for (const bool value : values) raw.push_back(static_cast<std::byte>(value));
  return Constant(ElementType::boolean, {static_cast<std::int64_t>(values.size())}, raw);
}

const Shape plane{2, 3};
const Shape image{2, 3, 4, 5};

const std::vector<Case>& cases() {
  static const std::vector<Case> table = {
      {"Abs", {plane}},
      {"Add", {plane, Shape{3}}},
      {"AveragePool",
       {image},
       {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}}},
      {"AveragePool",
       {image},
       {{"kernel_shape", Ints{3, 2}}, {"auto_pad", std::string("SAME_UPPER")}}},
      {"BatchNormalization", {image, Shape{3}, Shape{3}, Shape{3}, Positive{{3}}}},
      {"BatchNormalization",
       {image, Shape{3}, Shape{3}, random_floats({3}, 1), floats({3}, {1, 1, 1})},
       {},
       1,
       true},
      {"Cast", {plane}, {{"to", std::int64_t{11}}}},
      {"Clip", {plane, floats({}, {-0.5F}), floats({}, {0.75F})}},
      {"Concat", {plane, Shape{2, 1}}, {{"axis", std::int64_t{1}}}},
      {"Conv",
       {Shape{2, 4, 5, 4}, Shape{4, 2, 3, 2}, Shape{4}},
       {{"group", std::int64_t{2}}, {"pads", Ints{1, 0, 2, 1}}, {"strides", Ints{2, 1}}}},
      {"Conv", {Shape{1, 2, 7}, Shape{3, 2, 3}}, {{"dilations", Ints{2}}}},
      {"Conv", {Shape{1, 2, 3, 3, 3}, Shape{2, 2, 2, 2, 2}, Shape{2}}},
      {"ConvTranspose",
       {Shape{1, 2, 3, 3}, Shape{2, 2, 3, 3}, Shape{2}},
       {{"strides", Ints{2, 2}}, {"pads", Ints{1, 0, 0, 1}}, {"output_padding", Ints{1, 1}}}},
      {"DepthToSpace", {Shape{1, 8, 2, 3}}, {{"blocksize", std::int64_t{2}}}},
      {"DequantizeLinear",
       {bytes({-3, 5, 100}), Shape{3}, bytes({0, 1, 2})},
       {{"axis", std::int64_t{0}}}},
      {"Div", {plane, Positive{plane}}},
      {"Dropout", {plane}, {}, 1, true},
      {"Elu", {plane}, {{"alpha", 1.5F}}},
      {"Erf", {plane}},
      {"Exp", {plane}},
      {"Expand", {Shape{2, 1}, integers({3, 1, 4})}},
      {"Flatten", {image}, {{"axis", std::int64_t{2}}}},
      {"GRU",
       {Shape{3, 2, 3}, Shape{2, 6, 3}, Shape{2, 6, 2}, Shape{2, 12}},
       {{"direction", std::string("bidirectional")}},
       2},
      {"GRU",
       {Shape{3, 2, 3}, Shape{1, 6, 3}, Shape{1, 6, 2}, Shape{1, 12}, LeftOut{}, Shape{1, 2, 2}},
       {{"linear_before_reset", std::int64_t{1}}},
       2},
      {"Gather", {Shape{4, 3}, integers({3, 0, -1, 3})}},
      {"Gemm",
       {Shape{3, 2}, Shape{4, 3}, Shape{4}},
       {{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}, {"alpha", 0.5F}, {"beta", 2.0F}}},
      {"GlobalAveragePool", {image}},
      {"GlobalMaxPool", {image}},
      {"HardSigmoid", {plane}},
      {"HardSwish", {plane}},
      {"Identity", {plane}},
      {"InstanceNormalization", {image, Shape{3}, Shape{3}}},
      {"LRN", {image}, {{"size", std::int64_t{3}}, {"alpha", 0.5F}}},
      {"LSTM",
       {Shape{3, 2, 3}, Shape{1, 8, 3}, Shape{1, 8, 2}, Shape{1, 16}, LeftOut{}, Shape{1, 2, 2},
        Shape{1, 2, 2}, Shape{1, 6}},
       {{"direction", std::string("reverse")}},
       3},
      {"LayerNormalization", {image, Shape{4, 5}, Shape{4, 5}}, {{"axis", std::int64_t{2}}}},
      {"LeakyRelu", {plane}},
      {"Log", {Positive{plane}}},
      {"LogSoftmax", {plane}},
      {"MatMul", {Shape{2, 2, 3}, Shape{3, 2}}},
      {"Max", {plane, plane, Shape{3}}},
      {"MaxPool", {image}, {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}}},
      {"MaxPool",
       {image},
       {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}}},
      {"Mean", {plane, plane}},
      {"Min", {plane, plane}},
      {"Mul", {plane, Shape{2, 1}}},
      {"Neg", {plane}},
      {"PRelu", {plane, Shape{3}}},
      {"Pad", {plane, integers({0, 1, 1, 2})}, {{"mode", std::string("reflect")}}},
      {"Pad", {plane, integers({0, 1, 1, -1})}},
      {"Pow", {Positive{plane}, Shape{3}}},
      {"RNN",
       {Shape{3, 2, 3}, Shape{1, 2, 3}, Shape{1, 2, 2}, Shape{1, 4}},
       {{"activations", Texts{"Softsign"}}},
       2},
      {"ReduceMax", {plane}, {{"axes", Ints{1}}}},
      {"ReduceMean", {plane}, {{"axes", Ints{0}}}},
      {"ReduceMin", {plane}},
      {"ReduceSum", {plane, integers({-1})}},
      {"Relu", {plane}},
      {"Reshape", {plane, integers({3, -1})}},
      {"Resize",
       {Shape{1, 1, 3, 4}, LeftOut{}, floats({4}, {1, 1, 2, 0.5F})},
       {{"mode", std::string("linear")}}},
      {"Resize",
       {Shape{1, 1, 3, 4}, LeftOut{}, LeftOut{}, integers({1, 1, 5, 7})},
       {{"mode", std::string("cubic")}}},
      {"Selu", {plane}},
      {"Sigmoid", {plane}},
      {"Slice",
       {Shape{4, 5}, integers({3, 0}), integers({-9, 4}), integers({0, 1}), integers({-1, 2})}},
      {"Softmax", {plane}},
      {"Softplus", {plane}},
      {"SpaceToDepth", {Shape{1, 2, 4, 6}}, {{"blocksize", std::int64_t{2}}}},
      {"Split", {Shape{2, 5}, integers({2, 3})}, {{"axis", std::int64_t{1}}}, 2},
      {"Sqrt", {Positive{plane}}},
      {"Squeeze", {Shape{2, 1, 3}, integers({1})}},
      {"Sub", {plane, plane}},
      {"Sum", {plane, plane, plane}},
      {"Tanh", {plane}},
      {"Tile", {plane, integers({2, 3})}},
      {"Transpose", {image}, {{"perm", Ints{0, 3, 1, 2}}}},
      {"Unsqueeze", {plane, integers({0, 3})}},
      {"Where", {flags({true, false, true}), plane, plane}},
  };
  return table;
}

/// Operators whose outputs do not change, or jump, with their floating-point inputs.
const std::set<std::string_view> not_differentiable = {
    "And",  "ArgMax", "Constant", "ConstantOfShape", "Equal", "Greater",
    "Less", "Not",    "Or",       "QuantizeLinear",  "Range", "Shape"};

/// A graph of the one node, and the values that it is differentiated by.
struct Problem {
  Network network;
  std::vector<at::Tensor> inputs;
  bool training;

  /// A fixed random combination of all outputs.
  at::Tensor operator()(const std::vector<at::Tensor>& values) const {
    RunOptions options;
    options.training = training;
    const auto outputs = network.run(values, options);
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      sum = sum + (outputs[i] * random_tensor(outputs[i].sizes().vec(), 50 + i)).sum();
    }
    return sum;
  }
};

Problem make_problem(const Case& item) {
  Graph graph;
  graph.opset = 17;
  Node only{"", item.op, {}, {}, item.attributes};
  std::vector<at::Tensor> inputs;
  const auto add_input = [&](const Shape& shape, const at::Tensor& value) {
    graph.inputs.push_back({only.inputs.back(), ElementType::float64, shape});
    inputs.push_back(value.to(at::kDouble).set_requires_grad(true));
  };
  for (std::size_t i = 0; i < item.inputs.size(); ++i) {
    const Input& input = item.inputs[i];
    only.inputs.push_back(std::holds_alternative<LeftOut>(input) ? "" : "in" + std::to_string(i));
    if (const auto* shape = std::get_if<Shape>(&input)) {
      add_input(*shape, random_tensor(*shape, i));
    } else if (const auto* positive = std::get_if<Positive>(&input)) {
      add_input(positive->shape, random_tensor(positive->shape, i).abs() + 0.5);
    } else if (const auto* constant = std::get_if<Constant>(&input)) {
      graph.constants.emplace(only.inputs.back(), *constant);
    }
  }
  for (std::size_t i = 0; i < item.outputs; ++i) {
    only.outputs.push_back("out" + std::to_string(i));
    graph.outputs.push_back({only.outputs.back(), ElementType::float64, {}});
  }
  graph.nodes.push_back(std::move(only));
  return {Network(std::move(graph)), std::move(inputs), item.training};
}

/// The derivative of `function` by every element of every value: central differences.
template <typename Function>
std::vector<at::Tensor> differences(const Function& function, const std::vector<at::Tensor>& at) {
  constexpr double step = 1e-5;
  std::vector<at::Tensor> out;
  for (std::size_t i = 0; i < at.size(); ++i) {
    at::Tensor derivative = at::zeros_like(at[i]);
    for (std::int64_t k = 0; k < at[i].numel(); ++k) {
      const auto moved = [&](double by) {
        std::vector<at::Tensor> values;
        for (const auto& value : at)
          values.push_back(value.detach().clone().set_requires_grad(true));
        values[i].data_ptr<double>()[k] += by;
        return function(values).template item<double>();
      };
      derivative.data_ptr<double>()[k] = (moved(step) - moved(-step)) / (2 * step);
    }
    out.push_back(derivative);
  }
  return out;
}

std::vector<at::Tensor> gradient(const at::Tensor& of, const std::vector<at::Tensor>& by,
                                 bool keep) {
  return torch::autograd::grad({of}, by, {}, keep, keep, true);
}

/// A fixed random combination of the first derivatives.
at::Tensor slope(const Problem& problem, const std::vector<at::Tensor>& values) {
  const auto first = gradient(problem(values), values, true);
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i].defined()) {
      sum = sum + (first[i] * random_tensor(first[i].sizes().vec(), 90 + i)).sum();
    }
  }
  return sum;
}

void expect_close(const std::vector<at::Tensor>& actual, const std::vector<at::Tensor>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const at::Tensor value = actual[i].defined() ? actual[i] : at::zeros_like(expected[i]);
    // Central differences err by the third derivative times the step squared (1e-10) and by
    // rounding over the step (1e-11), each times figures of some tens.
    EXPECT_TRUE(at::allclose(value, expected[i], 1e-6, 1e-7))
        << "input " << i << ": " << (value - expected[i]).abs().max().item<double>();
  }
}

TEST(Gradients, EqualFiniteDifferences) {
  for (const Case& item : cases()) {
    SCOPED_TRACE(item.op);
    const Problem problem = make_problem(item);
    expect_close(gradient(problem(problem.inputs), problem.inputs, false),
                 differences(problem, problem.inputs));
  }
}

TEST(SecondDerivatives, EqualFiniteDifferences) {
  for (const Case& item : cases()) {
    SCOPED_TRACE(item.op);
    const Problem problem = make_problem(item);
    const auto function = [&](const std::vector<at::Tensor>& values) {
      return slope(problem, values);
    };
    const at::Tensor at_inputs = function(problem.inputs);
    const auto expected = differences(function, problem.inputs);
    if (at_inputs.requires_grad()) {
      expect_close(gradient(at_inputs, problem.inputs, false), expected);
    } else {  // Linear or piecewise so.
      expect_close(std::vector<at::Tensor>(expected.size()), expected);
    }
  }
}

TEST(Gradients, OfPointConvolutionsThatLeaveOutPlaces) {
  // In single precision and at sizes at which oneDNN's own is wrong and ends the process.
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 8, 56, 56}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 16, 28, 28}}};
  graph.nodes = {node("Conv", {"x", "w"}, {"y"}, {{"strides", Ints{2, 2}}})};
  graph.constants.emplace("w", random_floats({16, 8, 1, 1}, 1));
  Network network(graph);
  at::Tensor& weight = network.parameter("w");
  for (int repetition = 0; repetition < 20; ++repetition) {
    const std::vector<at::Tensor> x{random_tensor({8, 8, 56, 56}, 2).requires_grad_()};
    const at::Tensor y = network.run(x)[0];
    const auto found = torch::autograd::grad({y.sum()}, {weight, x[0]});
    const at::Tensor seen = x[0].detach().slice(2, 0, 56, 2).slice(3, 0, 56, 2);
    EXPECT_TRUE(at::allclose(found[0][0].flatten(), seen.sum({0, 2, 3}), 1e-4, 1e-3));
    EXPECT_TRUE(at::allclose(found[1][0].select(1, 0).select(1, 0),
                             weight.detach().sum(0).flatten(), 1e-4, 1e-5));
    EXPECT_EQ(found[1][0].select(1, 1).abs().max().item<float>(), 0);
  }
}

TEST(Gradients, CoverTheTable) {
  std::set<std::string_view> covered = not_differentiable;
  for (const Case& item : cases()) covered.insert(item.op);
  for (const auto& row : operators()) EXPECT_TRUE(covered.contains(row.op)) << row.op;
}

}  // namespace
}  // namespace laconic
