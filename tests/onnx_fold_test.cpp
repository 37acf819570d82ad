// What the import does to a graph besides reading it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/atomic_file.h"
#include "graph/onnx/tensor.h"
#include "graph_support.h"
#include "onnx_support.h"

namespace laconic {
namespace {

using testing::ElementsAre;

namespace fs = std::filesystem;

std::vector<std::string> operators_of(const Graph& graph) {
  std::vector<std::string> ops;
  for (const auto& node : graph.nodes) ops.push_back(node.op);
  return ops;
}

TEST(OnnxFold, ShapesAreComputed) {
  // What PyTorch writes for x.view(-1, 2 * 3): constants through half a dozen nodes.
  const Graph graph = read_text(R"(
    initializer { name: 'w' data_type: 1 dims: 2 dims: 3 float_data: [1, 2, 3, 4, 5, 6] }
    initializer { name: 'first' data_type: 7 dims: 1 int64_data: 0 } initializer { name: 'axes' data_type: 7 dims: 1 int64_data: 0 }
    initializer { name: 'minus one' data_type: 7 dims: 1 int64_data: -1 } initializer { name: 'scalar' data_type: 7 int64_data: 1 }
    node { op_type: 'Shape' input: 'w' output: 'shape' }
    node { op_type: 'Gather' input: 'shape' input: 'first' output: 'rows' }
    node { op_type: 'Gather' input: 'shape' input: 'scalar' output: 'columns' }
    node { op_type: 'Unsqueeze' input: 'columns' input: 'axes' output: 'columns too' }
    node { op_type: 'Mul' input: 'rows' input: 'columns too' output: 'six' }
    node { op_type: 'Cast' input: 'six' output: 'half' attribute { name: 'to' type: INT i: 1 } }
    node { op_type: 'Cast' input: 'half' output: 'whole' attribute { name: 'to' type: INT i: 7 } }
    node { op_type: 'Concat' input: 'minus one' input: 'whole' output: 'wanted' attribute { name: 'axis' type: INT i: 0 } }
    node { op_type: 'Reshape' input: 'x' input: 'wanted' output: 'y' })");
  EXPECT_THAT(operators_of(graph), ElementsAre("Reshape"));
  EXPECT_EQ(graph.constants.size(), 1u);
  EXPECT_EQ(graph.constants.at("wanted"), integers({2}, {-1, 6}));
}

TEST(OnnxFold, StoredTensorsKeepTheirNames) {
  const Graph graph = read_text(R"(
    initializer { name: 'b' data_type: 1 dims: 2 float_data: [1, 2] } initializer { name: 'axes' data_type: 7 dims: 1 int64_data: 0 }
    initializer { name: 'w' data_type: 1 dims: 1 dims: 2 float_data: [3, 4] }
    node { op_type: 'Unsqueeze' input: 'b' input: 'axes' output: 'b1' } node { op_type: 'Add' input: 'x' input: 'b1' output: 'h' }
    node { op_type: 'Identity' input: 'w' output: 'tied' }
    node { op_type: 'Mul' input: 'h' input: 'w' output: 'g' } node { op_type: 'Mul' input: 'g' input: 'tied' output: 'y' })");
  EXPECT_THAT(operators_of(graph), ElementsAre("Unsqueeze", "Add", "Mul", "Mul"));
  EXPECT_EQ(graph.constants.at("b"), floats({2}, {1, 2}));
  EXPECT_EQ(graph.nodes[3].inputs[1], "w") << "a copy would part tied weights";
}

TEST(OnnxFold, QuantizedWeightsAreWeights) {
  const Graph graph = read_text(R"(
    initializer { name: 'q' data_type: 3 dims: 2 dims: 2 int32_data: [-1, 2, 3, 4] }
    initializer { name: 's' data_type: 1 dims: 2 float_data: [0.5, 2] } initializer { name: 'z' data_type: 3 dims: 2 int32_data: [0, 1] }
    initializer { name: 'levels' data_type: 1 dims: 3 float_data: [7, 8, 9] } initializer { name: 'i' data_type: 2 dims: 2 dims: 1 int32_data: [2, 0] }
    node { op_type: 'DequantizeLinear' input: 'q' input: 's' input: 'z' output: 'w' attribute { name: 'axis' type: INT i: 0 } }
    node { op_type: 'Cast' input: 'i' output: 'i32' attribute { name: 'to' type: INT i: 6 } }
    node { op_type: 'Gather' input: 'levels' input: 'i32' output: 'b' }
    node { op_type: 'Gemm' input: 'x' input: 'w' input: 'b' output: 'y' attribute { name: 'transB' type: INT i: 1 } })");
  EXPECT_THAT(operators_of(graph), ElementsAre("Gemm"));
  EXPECT_EQ(graph.constants.at("w"), floats({2, 2}, {-0.5, 1, 4, 6}));
  EXPECT_EQ(graph.constants.at("b"), floats({2, 1}, {9, 7}));
}

TEST(OnnxFold, LargeResultsAreLeftToTheRuntime) {
  const Graph graph = read_text(R"(
    initializer { name: 'shape' data_type: 7 dims: 2 int64_data: [1000000000, 1000000000] }
    node { op_type: 'ConstantOfShape' input: 'shape' output: 'y' })");
  EXPECT_THAT(operators_of(graph), ElementsAre("ConstantOfShape"));
}

TEST(OnnxFold, WhatDoesNotFitIsLeftToTheRuntime) {
  const std::string c =
      "initializer { name: 'c' data_type: 7 dims: 2 int64_data: [1, 0] } initializer { name: 'd' "
      "data_type: 7 dims: 3 int64_data: [5, -1, 2] } ";
  for (const std::string node :
       {"'Add' input: 'c' input: 'd'", "'Reshape' input: 'c' input: 'd'",
        "'Div' input: 'c' input: 'c'", "'Gather' input: 'c' input: 'd'",
        "'Slice' input: 'c' input: 'd' input: 'd'", "'Expand' input: 'c' input: 'd'",
        "'Squeeze' input: 'c' input: 'd'", "'Unsqueeze' input: 'c' input: 'd'", "'Not' input: 'c'",
        "'Where' input: 'c' input: 'd' input: 'd'", "'Range' input: 'c' input: 'd' input: 'd'",
        "'Transpose' input: 'c' attribute { name: 'perm' type: INTS ints: 7 }",
        "'Concat' input: 'c' input: 'd' attribute { name: 'axis' type: INT i: 3 }",
        "'Cast' input: 'c' attribute { name: 'to' type: INT i: 8 }", "'ConstantOfShape' input: 'd'",
        "'DequantizeLinear' input: 'c' input: 'd'"}) {
    EXPECT_EQ(read_text(c + "node { output: 'y' op_type: " + node + " }").nodes.size(), 1u) << node;
  }
}

TEST(OnnxLayout, OutputChannelsComeFirst) {
  const std::string w =
      "initializer { name: 'w' data_type: 1 dims: 2 dims: 3 float_data: [1, 2, 3, 4, 5, 6] } ";
  const Constant turned = floats({3, 2}, {1, 4, 2, 5, 3, 6});
  const Graph gemm = read_text(w + "node { op_type: 'Gemm' input: 'x' input: 'w' output: 'y' }");
  EXPECT_EQ(gemm.constants.at("w"), turned);
  EXPECT_EQ(gemm.nodes.at(0).integer("transB", 0), 1);

  const Graph matmul =
      read_text(w + "node { op_type: 'MatMul' input: 'x' input: 'w' output: 'y' }");
  EXPECT_THAT(operators_of(matmul), ElementsAre("Transpose", "MatMul"));
  EXPECT_EQ(matmul.constants.at("w"), turned);
  EXPECT_EQ(matmul.nodes[1].inputs[1], matmul.nodes[0].outputs[0]);
  EXPECT_EQ(parameters(matmul).at(0).role, Role::weight);

  const std::string k =
      "initializer { name: 'w' data_type: 1 dims: 1 dims: 2 dims: 2 float_data: [1, 2, 3, 4] } ";
  const Graph deconvolution =
      read_text(k + "node { op_type: 'ConvTranspose' input: 'x' input: 'w' output: 'y' }");
  EXPECT_EQ(deconvolution.constants.at("w"), floats({2, 1, 2}, {1, 2, 3, 4}));
  EXPECT_THAT(deconvolution.nodes.at(0).integers("perm"), ElementsAre(1, 0, 2));
}

TEST(OnnxLayout, TiedAndGroupedWeightsStay) {
  const std::string w =
      "initializer { name: 'w' data_type: 1 dims: 2 dims: 2 float_data: [1, 2, 3, 4] } ";
  const Graph tied = read_text(w +
                               "node { op_type: 'MatMul' input: 'x' input: 'w' output: 'h' } node "
                               "{ op_type: 'MatMul' input: 'h' input: 'w' output: 'y' }");
  EXPECT_THAT(operators_of(tied), ElementsAre("MatMul", "MatMul"));
  const Graph output = read_text(w +
                                 "node { op_type: 'MatMul' input: 'x' input: 'w' output: 'y' } "
                                 "output { name: 'w' type { tensor_type { elem_type: 1 } } } "
                                 "output { name: 'y' type { tensor_type { elem_type: 1 } } }");
  EXPECT_THAT(operators_of(output), ElementsAre("MatMul"));
  const std::string k =
      "initializer { name: 'w' data_type: 1 dims: 2 dims: 1 dims: 1 float_data: [1, 2] } ";
  const Graph grouped = read_text(k +
                                  "node { op_type: 'ConvTranspose' input: 'x' input: 'w' output: "
                                  "'y' attribute { name: 'group' type: INT i: 2 } }");
  EXPECT_THAT(operators_of(grouped), ElementsAre("ConvTranspose"));
}

/// The files input_0.pb, input_1.pb, ... or output_0.pb, ...
std::vector<onnx::TensorProto> data(const fs::path& folder, const std::string& kind) {
  std::vector<onnx::TensorProto> out;
  for (int i = 0;; ++i) {
    const auto path = folder / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) return out;
    const auto bytes = read_file(path);
    if (!out.emplace_back().ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return {};
  }
}

/// Elements of any type as numbers, to compare with a tolerance.
std::vector<double> numbers(const Constant& constant) {
  if (constant.type() == ElementType::float32)
    return {constant.floats().begin(), constant.floats().end()};
  const auto values = constant.integers();
  return {values.begin(), values.end()};
}

/// ONNX's operator tests, with the inputs made constants: whatever is folded is what they expect.
TEST(OnnxFold, AgreesWithOnnxsOperatorTests) {
  const fs::path group = fs::path(LACONIC_ONNX_TESTDATA) / "node";
  if (!fs::exists(group)) GTEST_SKIP() << "no ONNX test data; install libonnx-testdata";
  std::set<std::string> folded;
  for (const auto& entry : fs::directory_iterator(group)) {
    SCOPED_TRACE(entry.path().filename());
    const auto bytes = read_file(entry.path() / "model.onnx");
    onnx::ModelProto model;
    ASSERT_TRUE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    auto& source = *model.mutable_graph();
    auto inputs = data(entry.path() / "test_data_set_0", "input");
    auto outputs = data(entry.path() / "test_data_set_0", "output");
    if (source.node_size() != 1 || outputs.size() != 1 ||
        static_cast<int>(inputs.size()) != source.input_size())
      continue;
    bool same_types = true;  // Some bfloat16 values lie there as uint16.
    for (int i = 0; i < source.input_size(); ++i) {
      *source.add_initializer() = inputs[static_cast<std::size_t>(i)];
      source.mutable_initializer(i)->set_name(source.input(i).name());
      same_types = same_types && source.initializer(i).data_type() ==
                                     source.input(i).type().tensor_type().elem_type();
    }
    if (!same_types) continue;
    source.clear_input();
    try {
      const Graph graph = read_model(model);
      if (!graph.nodes.empty()) continue;
      const Constant& actual = graph.constants.at(source.output(0).name());
      const Constant expected = read_tensor(outputs[0], {}, "output");
      EXPECT_EQ(actual.type(), expected.type());
      EXPECT_EQ(actual.shape(), expected.shape());
      EXPECT_THAT(numbers(actual),
                  testing::Pointwise(testing::DoubleNear(1e-6), numbers(expected)));
      folded.insert(source.node(0).op_type());
    } catch (const Error&) {
      continue;  // Outside of the table of operators.
    }
  }
  // Flatten, Reshape, Squeeze, Transpose and Unsqueeze are tested on floats alone, which stay.
  EXPECT_THAT(folded, testing::IsSupersetOf({"Add",
                                             "And",
                                             "Cast",
                                             "Concat",
                                             "ConstantOfShape",
                                             "DequantizeLinear",
                                             "Div",
                                             "Equal",
                                             "Expand",
                                             "Gather",
                                             "Greater",
                                             "Less",
                                             "Max",
                                             "Min",
                                             "Mul",
                                             "Not",
                                             "Or",
                                             "Range",
                                             "Shape",
                                             "Slice",
                                             "Sqrt",
                                             "Sub",
                                             "Where"}));
}

}  // namespace
}  // namespace laconic
