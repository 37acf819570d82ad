#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>

#include <filesystem>

#include "core/atomic_file.h"
#include "graph/onnx/write.h"
#include "graph_support.h"
#include "laconic/random.h"
#include "laconic/zoo.h"
#include "onnx_support.h"
#include "small_networks.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

using Tensors = std::map<std::string, Tensor, std::less<>>;

onnx::ModelProto load(const fs::path& path) {
  const auto bytes = read_file(path);
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return model;
}

/// What ONNX's checker has against a model file, or nothing.
std::string complaint(const fs::path& path) {
  try {
    onnx::checker::check_model(load(path));
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

std::multiset<std::string> operators_of(const fs::path& path) {
  const auto model = load(path);
  std::multiset<std::string> ops;
  for (const auto& node : model.graph().node()) ops.insert(node.op_type());
  return ops;
}

/// Random indices over these codebooks.
QuantizedTensor quantized(Shape shape, std::int64_t block_size, std::vector<Codebook> codebooks) {
  Random numbers(3);
  QuantizedTensor tensor{std::move(shape), block_size, std::move(codebooks), {}};
  for (std::int64_t i = 0; i < element_count(tensor.shape); ++i) {
    const auto size = tensor.codebooks[static_cast<std::size_t>(i / block_size)].size();
    tensor.indices.push_back(static_cast<Index>(numbers.below(static_cast<std::int64_t>(size))));
  }
  return tensor;
}

/// x [-1, 600] -> Gemm, weight [4, 600] -> y.
Graph linear_graph(std::int64_t opset) {
  Graph graph = small_graph();
  graph.opset = opset;
  graph.inputs[0].shape = {-1, 600};
  graph.outputs[0].shape = {-1, 4};
  graph.constants["fc.weight"] = floats({4, 600}, std::vector<float>(2400, 1));
  graph.constants["fc.bias"] = floats({4}, {1, 2, 3, 4});
  return graph;
}

/// Writes `tensor` as the weight, checks that it reads back exactly, and returns the operators.
std::multiset<std::string> exported(const QuantizedTensor& tensor, std::int64_t opset = 13) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("q.onnx");
  const Graph graph = linear_graph(opset);
  write_onnx(graph, path, {{"fc.weight", tensor}}, QuantizedForm::dequantize);
  EXPECT_EQ(complaint(path), "");
  const Graph back = read_onnx(path);
  EXPECT_EQ(back.constants.at("fc.weight"), floats(tensor.shape, dequantize(tensor)));
  EXPECT_EQ(back.nodes, graph.nodes);
  EXPECT_EQ(back.constants.size(), graph.constants.size());
  auto ops = operators_of(path);
  ops.erase("Gemm"), ops.erase("Relu");
  return ops;
}

TEST(OnnxWrite, ZooRoundTripsAndPassesTheChecker) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("net.onnx");
  for (const auto& row : networks()) {
    SCOPED_TRACE(row.name);
    Graph graph = make_network(narrow(row), sample_of(row), 10, 1);
    for (int normalized = 0; normalized < 2; ++normalized) {
      write_onnx(graph, path);
      EXPECT_EQ(complaint(path), "");
      EXPECT_EQ(read_onnx(path), graph);
      normalize_batch_norm(graph);
    }
  }
}

TEST(OnnxWrite, EveryTypeOfValueRoundTrips) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("net.onnx");
  Graph graph = small_graph();
  for (const int type : {2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13}) {
    const auto element = static_cast<ElementType>(type);
    const std::string constant = "c" + std::to_string(type);
    std::vector<std::byte> bytes(2 * element_bytes(element), std::byte{1});
    graph.constants.emplace(constant, Constant(element, {2}, std::move(bytes)));
    graph.outputs.push_back({constant, element, {2}});
  }
  graph.inputs.push_back({"anything", ElementType::float32, {}, false});
  graph.constants.emplace("none", floats({0, 2}, {}));
  graph.outputs.push_back({"none", ElementType::float32, {0, 2}});
  graph.nodes[1].attributes = {{"i", std::int64_t{-1}},
                               {"f", 0.5f},
                               {"s", "t"},
                               {"is", std::vector<std::int64_t>{1}},
                               {"fs", std::vector<float>{2}},
                               {"ss", std::vector<std::string>{"u"}},
                               {"t", floats({1}, {3})},
                               {"none", floats({0}, {})}};
  write_onnx(graph, path);
  EXPECT_EQ(read_onnx(path), graph);
}

TEST(OnnxWrite, TensorsReplaceConstants) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("net.onnx");
  const Codebook codebook({-1, 0, 5});
  const QuantizedTensor weight{{2, 2}, 4, {codebook}, {0, 1, 2, 2}};
  const DenseTensor bias{{2}, {7, 8}};
  Graph graph = small_graph();
  write_onnx(graph, path, {{"fc.weight", weight}, {"fc.bias", bias}});
  const Graph back = read_onnx(path);
  EXPECT_EQ(back.constants.at("fc.weight"), floats({2, 2}, {-1, 0, 5, 5}));
  EXPECT_EQ(back.constants.at("fc.bias"), floats({2}, {7, 8}));
  graph.constants.clear();
  write_onnx(graph, path, {{"fc.weight", weight}, {"fc.bias", bias}});
  EXPECT_EQ(read_onnx(path), back);
}

TEST(OnnxWrite, EvenlySpacedLevelsAreDequantized) {
  const auto joint = Codebook::evenly_spaced(0.1f, -100, 201);
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {joint})), ElementsAre("DequantizeLinear"));
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {joint}), 10), ElementsAre("DequantizeLinear"));
  const auto shifted = Codebook::evenly_spaced(0.3f, 0, 256),
             low = Codebook::evenly_spaced(0.7f, -255, 256);
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {shifted})), ElementsAre("DequantizeLinear"));
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {low})), ElementsAre("DequantizeLinear"));
  EXPECT_THAT(exported(quantized({4, 600}, 600, {joint, shifted, low, Codebook({0.123f})})),
              ElementsAre("DequantizeLinear"));
}

TEST(OnnxWrite, LevelsOfFourBitsTakeHalfTheBytesWhereTheOpsetKnowsThem) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("q.onnx");
  const auto size_of = [&](const QuantizedTensor& tensor, std::int64_t opset) {
    write_onnx(linear_graph(opset), path, {{"fc.weight", tensor}}, QuantizedForm::dequantize);
    const Graph back = read_onnx(path);
    EXPECT_EQ(back.constants.at("fc.weight"), floats(tensor.shape, dequantize(tensor)));
    return fs::file_size(path);
  };
  const auto signs = Codebook::evenly_spaced(0.1f, -8, 16),
             low = Codebook::evenly_spaced(1, -15, 16), high = Codebook::evenly_spaced(0.3f, 1, 12),
             wide = Codebook::evenly_spaced(2, -8, 17);
  for (const auto& tensor : {quantized({4, 600}, 2400, {signs}), quantized({4, 600}, 2400, {low}),
                             quantized({4, 600}, 600, {signs, low, high, signs})}) {
    EXPECT_NEAR(static_cast<double>(size_of(tensor, 20) - size_of(tensor, 21)), 1200, 8);
  }
  const auto bytes = quantized({4, 600}, 600, {signs, wide, high, signs});
  EXPECT_EQ(size_of(bytes, 20), size_of(bytes, 21)) << "17 levels";
}

TEST(OnnxWrite, OtherLevelsAreGathered) {
  const Codebook odd({-1, 0.1f, 3});
  const auto even = Codebook::evenly_spaced(0.1f, -10, 21);
  const auto gather = ElementsAre("Cast", "Gather");
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {odd})), gather);
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {odd}), 7), gather);
  EXPECT_THAT(exported(quantized({4, 600}, 600, {odd, even, odd, even})), gather);
  EXPECT_THAT(exported(quantized({4, 600}, 500, {odd, even, odd, even, odd})), gather) << "groups";
  EXPECT_THAT(exported(quantized({4, 600}, 600, {even, even, even, even}), 12), gather)
      << "before axes";
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {even}), 9), gather) << "before DequantizeLinear";
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {Codebook::evenly_spaced(0.1f, -200, 400)})),
              gather)
      << "beyond a byte";
}

TEST(OnnxWrite, WhatWouldNotGetSmallerIsDense) {
  const auto wide = Codebook::evenly_spaced(1, -65535, 2000);
  EXPECT_THAT(exported(quantized({4, 600}, 2400, {wide})), testing::IsEmpty());
  std::vector<Codebook> many;
  for (int i = 0; i < 4; ++i)
    many.push_back(Codebook::evenly_spaced(1.0f + static_cast<float>(i), -20000, 30000));
  EXPECT_THAT(exported(quantized({4, 600}, 600, many)), testing::IsEmpty()) << "more than 16 bits";
}

TEST(OnnxWrite, NewValuesDoNotClashWithOldOnes) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("net.onnx");
  Graph graph = linear_graph(13);
  graph.nodes[0].outputs[0] = graph.nodes[1].inputs[0] = "fc.weight.step";
  write_onnx(graph, path, {{"fc.weight", quantized({4, 600}, 2400, {Codebook({1})})}},
             QuantizedForm::dequantize);
  EXPECT_EQ(complaint(path), "");
  EXPECT_NO_THROW(static_cast<void>(read_onnx(path)));
}

TEST(OnnxWrite, RefusesWhatDoesNotFit) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("net.onnx");
  const auto error = [&](const Graph& graph, const Tensors& tensors, ErrorCode code) {
    return error_of([&] { write_onnx(graph, path, tensors); }, code);
  };
  EXPECT_THAT(
      error(small_graph(), {{"fc.bias", DenseTensor{{3}, {1, 2, 3}}}}, ErrorCode::invalid_argument),
      testing::AllOf(HasSubstr("'fc.bias'"), HasSubstr("[3]"), HasSubstr("[2]")));
  EXPECT_THAT(
      error(small_graph(), {{"fc.bias", DenseTensor{{2}, {1}}}}, ErrorCode::invalid_argument),
      HasSubstr("'fc.bias'"));
  Graph incomplete = small_graph();
  incomplete.constants.erase("fc.weight");
  EXPECT_THAT(error(incomplete, {}, ErrorCode::invalid_data), HasSubstr("'fc.weight'"));
  EXPECT_FALSE(fs::exists(path));
  EXPECT_THAT(error_of([&] { write_onnx(small_graph(), folder.path("absent/net.onnx")); },
                       ErrorCode::cannot_write),
              HasSubstr("absent/net.onnx"));
  EXPECT_TRUE(fs::is_empty(folder.path())) << "nothing half-written";
}

TEST(OnnxWrite, LargeModelsKeepTheirWeightsBesideThem) {
  const TemporaryFolder folder;
  const fs::path path = folder.path("net.onnx");
  const Graph graph = make_network("lenet300", {28, 28}, 10, 1);
  std::vector<Initializer> initializers;
  for (const auto& [name, constant] : graph.constants) {
    initializers.push_back({name, constant.type(), constant.shape(), [&kept = constant] {
                              return std::vector<std::byte>(kept.bytes().begin(),
                                                            kept.bytes().end());
                            }});
  }
  auto model = structure_of(graph, {});
  write_model(model, initializers, path, 10000);
  EXPECT_LT(fs::file_size(path), 10000u);
  EXPECT_GT(fs::file_size(path.string() + ".data"), 1000000u);
  EXPECT_EQ(read_onnx(path), graph);
}

}  // namespace
}  // namespace laconic
