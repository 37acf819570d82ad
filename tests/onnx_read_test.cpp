#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/defs/schema.h>

#include <fstream>

#include "core/atomic_file.h"
#include "graph_support.h"
#include "onnx_support.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(OnnxRead, KeepsNamesShapesAndAttributes) {
  const Graph graph = read_text(R"(
    name: 'net'
    input { name: 'in' type { tensor_type { elem_type: 1 shape { dim { dim_param: 'N' } dim { dim_value: 3 } } } } }
    output { name: 'out' type { tensor_type { elem_type: 1 shape { dim { dim_param: 'N' } dim { dim_value: 3 } } } } }
    node { name: 'drop' op_type: 'Dropout' input: 'in' input: '' output: 'h' output: '' attribute { name: 'seed' type: INT i: 5 } }
    node { op_type: 'LeakyRelu' domain: 'ai.onnx' input: 'h' output: 'out' attribute { name: 'alpha' type: FLOAT f: 0.5 } }
  )");
  EXPECT_EQ(graph.name, "net");
  EXPECT_EQ(graph.opset, 13);
  EXPECT_EQ(graph.inputs, (std::vector<ValueInfo>{{"in", ElementType::float32, {-1, 3}}}));
  EXPECT_EQ(graph.outputs, (std::vector<ValueInfo>{{"out", ElementType::float32, {-1, 3}}}));
  EXPECT_EQ(
      graph.nodes,
      (std::vector<Node>{{"drop", "Dropout", {"in", ""}, {"h", ""}, {{"seed", std::int64_t{5}}}},
                         {"", "LeakyRelu", {"h"}, {"out"}, {{"alpha", 0.5f}}}}));
}

TEST(OnnxRead, ReadsEveryTypeOfAttribute) {
  const Graph graph = read_text(R"(
    node { op_type: 'Relu' input: 'x' output: 'y'
      attribute { name: 'i' type: INT i: -1 } attribute { name: 'f' type: FLOAT f: 1.5 }
      attribute { name: 's' type: STRING s: 'word' } attribute { name: 'is' type: INTS ints: 1 ints: 2 }
      attribute { name: 'fs' type: FLOATS floats: 1 } attribute { name: 'ss' type: STRINGS strings: 'a' }
      attribute { name: 't' type: TENSOR t { data_type: 7 dims: 1 int64_data: 9 } }
      attribute { name: 'old i' i: 3 } attribute { name: 'old f' f: 2 } attribute { name: 'old s' s: 'w' }
      attribute { name: 'old fs' floats: 4 } attribute { name: 'old is' ints: 5 } })");
  const auto& node = graph.nodes.at(0);
  EXPECT_EQ(node.integer("i", 0), -1);
  EXPECT_EQ(node.number("f", 0), 1.5f);
  EXPECT_EQ(node.text("s", ""), "word");
  EXPECT_THAT(node.integers("is"), ElementsAre(1, 2));
  EXPECT_EQ(node.attributes.at("fs"), Attribute(std::vector<float>{1}));
  EXPECT_EQ(node.attributes.at("ss"), Attribute(std::vector<std::string>{"a"}));
  EXPECT_EQ(node.attributes.at("t"), Attribute(integers({1}, {9})));
  EXPECT_EQ(node.integer("old i", 0), 3);
  EXPECT_EQ(node.number("old f", 0), 2);
  EXPECT_EQ(node.text("old s", ""), "w");
  EXPECT_EQ(node.attributes.at("old fs"), Attribute(std::vector<float>{4}));
  EXPECT_THAT(node.integers("old is"), ElementsAre(5));
}

/// A constant of that tensor, read through a node that keeps it as it is.
Constant stored(const std::string& tensor) {
  const Graph graph = read_text("initializer { name: 'c' " + tensor +
                                " } node { op_type: 'Sum' input: 'x' input: 'c' output: 'y' }");
  return graph.constants.at("c");
}

TEST(OnnxRead, ReadsTypedAndRawValuesOfEveryType) {
  EXPECT_EQ(stored("data_type: 1 dims: 2 float_data: 1 float_data: 2"), floats({2}, {1, 2}));
  EXPECT_EQ(stored("data_type: 1 raw_data: '\\000\\000\\200\\077'"), floats({}, {1}));
  EXPECT_EQ(stored("data_type: 7 dims: 1 int64_data: -3"), integers({1}, {-3}));
  EXPECT_THAT(stored("data_type: 2 dims: 1 int32_data: 200").integers(), ElementsAre(200));
  EXPECT_THAT(stored("data_type: 3 dims: 1 int32_data: -2").integers(), ElementsAre(-2));
  EXPECT_THAT(stored("data_type: 4 dims: 1 int32_data: 65535").integers(), ElementsAre(65535));
  EXPECT_THAT(stored("data_type: 5 dims: 1 int32_data: -300").integers(), ElementsAre(-300));
  EXPECT_THAT(stored("data_type: 6 dims: 2 int32_data: 7 int32_data: 8").integers(),
              ElementsAre(7, 8));
  EXPECT_THAT(stored("data_type: 9 dims: 3 raw_data: '\\000\\001\\007'").integers(),
              ElementsAre(0, 1, 1));
  EXPECT_THAT(stored("data_type: 12 dims: 1 uint64_data: 4000000000").integers(),
              ElementsAre(4000000000));
  EXPECT_THAT(stored("data_type: 13 dims: 1 uint64_data: 5").integers(), ElementsAre(5));
  EXPECT_EQ(stored("data_type: 10 dims: 1 int32_data: 15360").type(), ElementType::float16);
  EXPECT_EQ(stored("data_type: 11 dims: 1 double_data: 1").type(), ElementType::float64);
  EXPECT_EQ(stored("data_type: 1 dims: 0 dims: 3"), floats({0, 3}, {}));
}

TEST(OnnxRead, ConstantNodesAndDeclaredInitializersAreConstants) {
  const Graph graph = read_text(R"(
    input { name: 'x' type { tensor_type { elem_type: 1 } } } input { name: 'b' type { tensor_type { elem_type: 1 } } }
    initializer { name: 'b' data_type: 1 float_data: 2 }
    node { op_type: 'Constant' output: 'a' attribute { name: 'value' type: TENSOR t { data_type: 1 float_data: 1 } } }
    node { op_type: 'Constant' output: 'c' attribute { name: 'value_floats' type: FLOATS floats: 3 floats: 4 } }
    node { op_type: 'Constant' output: 'd' attribute { name: 'value_float' type: FLOAT f: 5 } }
    node { op_type: 'Sum' input: 'x' input: 'a' input: 'b' input: 'c' input: 'd' output: 'y' }
    node { op_type: 'Constant' output: 'e' attribute { name: 'value_int' type: INT i: 6 } }
    node { op_type: 'Constant' output: 'f' attribute { name: 'value_ints' type: INTS ints: 7 } }
    output { name: 'y' type { tensor_type { elem_type: 1 } } } output { name: 'e' type { tensor_type { elem_type: 7 } } }
    output { name: 'f' type { tensor_type { elem_type: 7 } } })");
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.nodes.size(), 1u);
  EXPECT_EQ(graph.constants.at("a"), floats({}, {1}));
  EXPECT_EQ(graph.constants.at("b"), floats({}, {2}));
  EXPECT_EQ(graph.constants.at("c"), floats({2}, {3, 4}));
  EXPECT_EQ(graph.constants.at("d"), floats({}, {5}));
  EXPECT_EQ(graph.constants.at("e"), integers({}, {6}));
  EXPECT_EQ(graph.constants.at("f"), integers({1}, {7}));
}

TEST(OnnxRead, DropsConstantsThatNobodyReads) {
  const Graph graph = read_text(
      "initializer { name: 'c' data_type: 1 float_data: 1 } node { op_type: 'Relu' input: 'x' "
      "output: 'y' }");
  EXPECT_TRUE(graph.constants.empty());
}

TEST(OnnxRead, NamesUnknownOperators) {
  constexpr auto code = ErrorCode::unsupported_operator;
  EXPECT_THAT(read_error("node { name: 'n1' op_type: 'Mystery' input: 'x' output: 'y' }", 13, code),
              AllOf(HasSubstr("operator Mystery of ONNX's default domain, opset 13"),
                    HasSubstr("node 'n1'")));
  EXPECT_THAT(read_error("node { op_type: 'HardSwish' input: 'x' output: 'y' }", 13, code),
              AllOf(HasSubstr("HardSwish"), HasSubstr("opsets 14 to"), HasSubstr("not in opset 13"),
                    HasSubstr("'y'")));
  EXPECT_THAT(read_error("node { op_type: 'Relu' input: 'x' output: 'y' }", 1000, code),
              HasSubstr("opset 1000"));
  auto model = parse_model(
      "node { name: 'n1' op_type: 'FusedConv' domain: 'com.microsoft' input: 'x' output: 'y' }");
  auto* import = model.add_opset_import();
  import->set_domain("com.microsoft");
  import->set_version(1);
  EXPECT_THAT(error_of([&] { static_cast<void>(read_model(model)); }, code),
              AllOf(HasSubstr("FusedConv"), HasSubstr("'com.microsoft', version 1"),
                    HasSubstr("node 'n1'")));
  model.mutable_graph()->mutable_node(0)->set_domain("");
  model.mutable_graph()->mutable_node(0)->set_op_type("Relu");
  EXPECT_NO_THROW(static_cast<void>(read_model(model))) << "a domain that no node uses";
}

TEST(OnnxRead, NamesFormsThatAreNotSupported) {
  EXPECT_THAT(read_error("node { name: 'up' op_type: 'Resize' input: 'x' input: '' input: 'x' "
                         "output: 'y' attribute { name: 'antialias' type: INT i: 1 } }",
                         18, ErrorCode::unsupported_operator),
              AllOf(HasSubstr("antialias"), HasSubstr("Resize node 'up'")));
}

TEST(OnnxRead, NamesTensorsThatAreNotFinite) {
  const std::string conv =
      "node { op_type: 'Gemm' input: 'x' input: 'w' input: 'b' output: 'y' } initializer { name: "
      "'b' data_type: 1 dims: 2 float_data: 0 float_data: 0 }";
  EXPECT_THAT(
      read_error(
          conv +
          "initializer { name: 'w' data_type: 1 dims: 2 dims: 2 float_data: [1, 2, nan, 4] }"),
      AllOf(HasSubstr("'w'"), HasSubstr("NaN")));
  EXPECT_THAT(
      read_error(
          conv +
          "initializer { name: 'w' data_type: 1 dims: 2 dims: 2 float_data: [1, -inf, 3, 4] }"),
      AllOf(HasSubstr("'w'"), HasSubstr("infinity")));
  const Graph mask = read_text(
      "node { op_type: 'Max' input: 'x' input: 'm' output: 'y' } initializer { name: 'm' "
      "data_type: 1 dims: 2 float_data: [0, -inf] }");
  EXPECT_TRUE(mask.constants.contains("m")) << "an infinite limit means something";
}

TEST(OnnxRead, HalfAndDoublePrecisionBecomesSingleWhereWeightsAre) {
  const std::string values =
      "input { name: 'x' type { tensor_type { elem_type: 10 } } } output { name: 'y' type { "
      "tensor_type { elem_type: 10 } } }";
  const std::string node =
      "node { op_type: 'MatMul' input: 'x' input: 'w' output: 'h' } node { op_type: 'Cast' input: "
      "'h' output: 'y' attribute { name: 'to' type: INT i: 10 } }";
  const Graph half = read_text(
      values + node +
      "initializer { name: 'w' data_type: 10 dims: 1 dims: 3 int32_data: [15360, 49152, 1] }");
  EXPECT_EQ(half.inputs[0].type, ElementType::float32);
  EXPECT_EQ(half.outputs[0].type, ElementType::float32);
  EXPECT_EQ(half.constants.at("w"), floats({3, 1}, {1, -2, 0x1p-24f}));
  EXPECT_EQ(half.nodes.back().integer("to", 0), 1);
  const Graph brain = read_text(
      values + node +
      "initializer { name: 'w' data_type: 16 dims: 1 dims: 2 int32_data: [16256, 49152] }");
  EXPECT_EQ(brain.constants.at("w"), floats({2, 1}, {1, -2}));
  const Graph twice = read_text(
      values + node + "initializer { name: 'w' data_type: 11 dims: 1 dims: 1 double_data: 0.1 }");
  EXPECT_EQ(twice.constants.at("w"), floats({1, 1}, {0.1f}));
  EXPECT_THAT(
      read_error(values + node +
                 "initializer { name: 'w' data_type: 11 dims: 1 dims: 1 double_data: 1e300 }"),
      HasSubstr("infinity"));
}

TEST(OnnxRead, SaysWhatIsMalformed) {
  const std::string relu = "node { op_type: 'Relu' input: 'x' output: 'y' }";
  EXPECT_THAT(read_error(relu + relu), HasSubstr("'y' is written twice"));
  EXPECT_THAT(read_error("node { op_type: 'Relu' input: 'z' output: 'y' }"), HasSubstr("'z'"));
  EXPECT_THAT(read_error(relu + "initializer { name: 'c' data_type: 1 dims: 3 float_data: 1 }"),
              AllOf(HasSubstr("'c'"), HasSubstr("4 bytes"), HasSubstr("not 12")));
  EXPECT_THAT(read_error(relu + "initializer { name: 'c' data_type: 1 dims: -3 }"),
              AllOf(HasSubstr("'c'"), HasSubstr("negative")));
  EXPECT_THAT(
      read_error(relu +
                 "initializer { name: 'c' data_type: 1 dims: 1000000000000 dims: 1000000000000 }"),
      AllOf(HasSubstr("'c'"), HasSubstr("more than")));
  EXPECT_THAT(read_error(relu + "initializer { name: 'c' data_type: 8 string_data: 'a' }"),
              AllOf(HasSubstr("'c'"), HasSubstr("STRING")));
  EXPECT_THAT(read_error(relu + "initializer { name: 'c' data_type: 99 }"), HasSubstr("99"));
  EXPECT_THAT(
      read_error(relu +
                 "initializer { name: 'c' data_type: 1 dims: 1 segment { begin: 0 end: 1 } }"),
      HasSubstr("segments"));
  EXPECT_THAT(read_error(relu + "initializer { data_type: 1 float_data: 1 }"),
              HasSubstr("no name"));
  const std::string c = "initializer { name: 'c' data_type: 1 float_data: 1 }";
  EXPECT_THAT(read_error(relu + c + c), HasSubstr("two constants named 'c'"));
  EXPECT_THAT(read_error(relu + "sparse_initializer { dims: 1 }"), HasSubstr("sparse"));
  EXPECT_THAT(read_error("node { op_type: 'Constant' output: 'y' attribute { name: 'value_string' "
                         "type: STRING s: 'a' } }"),
              HasSubstr("'y'"));
  EXPECT_THAT(read_error(relu + "output { name: 'y' type { sequence_type { elem_type { tensor_type "
                                "{ elem_type: 1 } } } } }"),
              HasSubstr("not a tensor"));
  EXPECT_THAT(
      read_error(
          "node { op_type: 'Relu' input: 'x' output: 'y' attribute { name: 'a' type: GRAPH } }"),
      HasSubstr("'a'"));
  EXPECT_THAT(read_error("node { op_type: 'Relu' input: 'x' output: 'y' attribute { name: 'a' "
                         "type: INT } attribute { name: 'a' type: INT } }"),
              HasSubstr("two attributes 'a'"));
  auto model = parse_model(relu);
  model.clear_opset_import();
  EXPECT_THAT(error_of([&] { static_cast<void>(read_model(model)); }), HasSubstr("which version"));
}

// Of a graph without nodes nothing else would tell.
TEST(OnnxRead, VersionsOfOperatorsAreThoseThatFilesCanHold) {
  for (const std::int64_t version : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 20}) {
    auto model = parse_model("");
    model.mutable_opset_import(0)->set_version(version);
    EXPECT_THAT(error_of([&] { static_cast<void>(read_model(model)); }),
                HasSubstr(fmt::format("version {} of ONNX's operators", version)));
  }
}

TEST(OnnxFiles, BadFilesAreNamed) {
  const TemporaryFolder folder;
  const std::string good = parse_model(
                               "node { op_type: 'Relu' input: 'x' output: 'y' } initializer { "
                               "name: 'c' data_type: 1 dims: 4 float_data: [1, 2, 3, 4] }")
                               .SerializeAsString();
  const auto error = [&](const char* file) {
    return error_of([&] { static_cast<void>(read_onnx(folder.path(file))); });
  };
  const auto write = [&](const char* file, const std::string& bytes) {
    std::ofstream(folder.path(file)) << bytes;
  };
  write("good.onnx", good);
  write("empty.onnx", "");
  std::string noise(1000, ' ');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i * 7 + 3);
  write("noise.onnx", noise);
  EXPECT_EQ(error("good.onnx"), "no error");
  EXPECT_THAT(error("missing.onnx"), HasSubstr("missing.onnx"));
  EXPECT_THAT(error("empty.onnx"), HasSubstr("empty.onnx"));
  EXPECT_THAT(error("noise.onnx"), HasSubstr("noise.onnx"));
  EXPECT_THAT(error("."), HasSubstr("directory"));
  for (std::size_t size = 0; size < good.size(); ++size) {
    write("cut.onnx", good.substr(0, size));
    EXPECT_THAT(error("cut.onnx"), HasSubstr("cut.onnx")) << size;
  }
}

TEST(OnnxOperators, TableFitsOnnxsOwnSchemas) {
  for (const auto& info : operators()) {
    const auto* newest = onnx::OpSchemaRegistry::Schema(std::string(info.op), 17, "");
    ASSERT_NE(newest, nullptr) << info.op;
    EXPECT_GE(newest->since_version(), info.since) << info.op;
    EXPECT_GE(info.through, 17) << info.op;
    const auto* oldest = onnx::OpSchemaRegistry::Schema(std::string(info.op), info.since, "");
    ASSERT_NE(oldest, nullptr) << info.op;
    EXPECT_EQ(oldest->since_version(), info.since) << info.op << " has a form from before";
  }
}

TEST(OnnxOperators, DocumentHasTheTable) {
  std::ifstream file(LACONIC_DOCS "/operators.md");
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line == "|---|---|---|" && rows.empty())
      rows.push_back(line);
    else if (!rows.empty() && line.starts_with("|"))
      rows.push_back(line);
    else if (!rows.empty())
      break;
  }
  ASSERT_EQ(rows.size(), operators().size() + 1);
  for (std::size_t i = 0; i < operators().size(); ++i) {
    const auto& info = operators()[i];
    EXPECT_EQ(rows[i + 1], fmt::format("| {} | {} | {} |", info.op, info.since, info.through));
  }
}

}  // namespace
}  // namespace laconic
