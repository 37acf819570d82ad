#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <fstream>
#include <limits>

#include "core/bytes.h"
#include "graph/packed_form.h"
#include "graph_support.h"
#include "laconic/error.h"
#include "laconic/graph.h"
#include "laconic/onnx.h"
#include "laconic/zoo.h"
#include "small_networks.h"

namespace laconic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> tensors_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const auto& parameter : parameters(graph)) {
    if (!is_uniform(graph.constants.at(parameter.name))) names.push_back(parameter.name);
  }
  return names;
}

void add_tensors(Graph& graph, const Graph& from, const std::vector<std::string>& names) {
  for (const auto& name : names) graph.constants.emplace(name, from.constants.at(name));
}

/// Equal but for the names of nodes, of values inside and of constants that are no tensors.
void expect_equivalent(const Graph& a, const Graph& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.opset, b.opset);
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.outputs, b.outputs);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  std::map<std::string, std::string> names;  // Of a value in `a`: its name in `b`.
  const auto same = [&](const std::string& in_a, const std::string& in_b) {
    EXPECT_EQ(names.try_emplace(in_a, in_b).first->second, in_b);
    const auto constant = a.constants.find(in_a);
    if (constant == a.constants.end()) return;
    ASSERT_TRUE(b.constants.contains(in_b)) << in_b;
    EXPECT_EQ(constant->second, b.constants.at(in_b));
  };
  for (const auto& input : a.inputs) same(input.name, input.name);
  for (std::size_t n = 0; n < a.nodes.size(); ++n) {
    EXPECT_EQ(a.nodes[n].op, b.nodes[n].op);
    EXPECT_EQ(a.nodes[n].attributes, b.nodes[n].attributes);
    ASSERT_EQ(a.nodes[n].inputs.size(), b.nodes[n].inputs.size());
    ASSERT_EQ(a.nodes[n].outputs.size(), b.nodes[n].outputs.size());
    for (std::size_t i = 0; i < a.nodes[n].inputs.size(); ++i)
      same(a.nodes[n].inputs[i], b.nodes[n].inputs[i]);
    for (std::size_t i = 0; i < a.nodes[n].outputs.size(); ++i)
      same(a.nodes[n].outputs[i], b.nodes[n].outputs[i]);
  }
  for (const auto& output : a.outputs) same(output.name, output.name);
}

void expect_round_trip(const Graph& graph, const std::vector<std::string>& tensors) {
  const auto packed = pack_graph(graph, tensors);
  Graph back = unpack_graph(packed, tensors);
  add_tensors(back, graph, tensors);
  EXPECT_NO_THROW(validate(back));
  expect_equivalent(graph, back);
  EXPECT_EQ(pack_graph(back, tensors), packed);
}

/// Every kind of attribute, constant, and reference.
Graph varied_graph() {
  Graph graph = small_graph();
  graph.opset = 17;
  graph.inputs.push_back({"mask", ElementType::boolean, {-1, 1 << 20, 0}});
  graph.inputs.push_back({"anything", ElementType::float32, {}, false});
  graph.constants.emplace("c0", integers({3}, {-1, 0, std::numeric_limits<std::int64_t>::max()}));
  graph.constants.emplace("same as c0", graph.constants.at("c0"));
  graph.constants.emplace("scalar", floats({}, {0.1f}));
  graph.constants.emplace("uniform", floats({100}, std::vector<float>(100, 2)));
  graph.constants.emplace("uniform too", graph.constants.at("uniform"));
  graph.constants.emplace("wide", integers({2}, {std::numeric_limits<std::int64_t>::min(), 1}));
  graph.constants.emplace("none", floats({0, 4}, {}));
  graph.constants.emplace("flags",
                          Constant(ElementType::boolean, {2}, {std::byte{1}, std::byte{0}}));
  graph.constants.emplace("half",
                          Constant(ElementType::float16, {1}, {std::byte{1}, std::byte{60}}));
  graph.nodes.push_back(
      {"a", "Mystery", {"v1", "", "c0", "same as c0", "x", "mask"}, {"v1'", "", "o2"}, {}});
  graph.nodes.back().inputs[0] = "h";
  graph.nodes.push_back(
      {"b",
       "LSTM",
       {"scalar", "uniform", "uniform too", "wide", "none", "flags", "half", "fc.weight"},
       {"o3"},
       {}});
  graph.nodes.back().attributes = {{"i", std::int64_t{-5}},
                                   {"alpha", 0.3f},
                                   {"mode", "linear"},
                                   {"axes", std::vector<std::int64_t>{1, -1}},
                                   {"activation_alpha", std::vector<float>{1, 2}},
                                   {"activations", std::vector<std::string>{"Tanh", ""}},
                                   {"value", integers({2}, {4, 4})}};
  graph.nodes.push_back({"c", "Sum", {"o2", "o3"}, {}, {}});
  graph.outputs.push_back({"o3", ElementType::int8, {}});
  graph.outputs.push_back({"x", ElementType::float32, {-1, 2}});
  graph.outputs.push_back({"c0", ElementType::int64, {3}});
  graph.outputs.push_back({"fc.bias", ElementType::float32, {2}});
  return graph;
}

TEST(PackGraph, RoundTrips) {
  for (const Graph& graph : {Graph{}, small_graph(), varied_graph()}) {
    expect_round_trip(graph, {});
    expect_round_trip(graph, tensors_of(graph));
    auto reversed = tensors_of(graph);
    std::ranges::reverse(reversed);
    expect_round_trip(graph, reversed);
  }
}

TEST(PackGraph, RoundTripsTheZoo) {
  for (const auto& row : networks()) {
    SCOPED_TRACE(row.name);
    Graph graph = make_network(narrow(row), sample_of(row), 10, 1);
    normalize_batch_norm(graph);
    expect_round_trip(graph, tensors_of(graph));
  }
}

TEST(PackGraph, NamesTensorsThatNobodyListed) {
  Graph graph = small_graph();
  graph.constants.clear();
  const Graph back = unpack_graph(pack_graph(graph));
  EXPECT_THAT(back.nodes[0].inputs, ElementsAre("x", "fc.weight", "fc.bias"));
}

TEST(PackGraph, ShortNamesGiveWayToGivenOnes) {
  Graph graph = small_graph();
  graph.inputs[0].name = graph.nodes[0].inputs[0] = "v0";
  graph.nodes[0].inputs[1] = "c0";
  const std::vector<std::string> tensors{"c0"};
  const Graph back = unpack_graph(pack_graph(graph, tensors), tensors);
  EXPECT_THAT(back.nodes[0].inputs, ElementsAre("v0", "c0", "c1"));
  EXPECT_THAT(back.nodes[0].outputs, ElementsAre("v1"));
}

TEST(PackGraph, RefusesAValueWrittenTwice) {
  Graph graph = small_graph();
  graph.nodes[1].outputs[0] = "h";
  EXPECT_THROW(static_cast<void>(pack_graph(graph)), Error);
}

TEST(PackGraph, IsSmall) {
  Graph graph = make_network("resnet32:width=2", {3, 32, 32}, 10, 1);
  normalize_batch_norm(graph);
  // Fresh networks have uniform scales; trained ones have not.
  std::vector<std::string> tensors;
  for (const auto& parameter : parameters(graph)) {
    if (parameter.input < 3) tensors.push_back(parameter.name);
  }
  const auto packed = pack_graph(graph, tensors);
  std::vector<std::byte> compressed(ZSTD_compressBound(packed.size()));
  const auto size =
      ZSTD_compress(compressed.data(), compressed.size(), packed.data(), packed.size(), 19);
  EXPECT_LE(size, 230u);
}

TEST(PackGraph, EveryOperatorHasANumber) {
  for (const auto& info : operators()) {
    EXPECT_EQ(std::ranges::count(packed::operator_words, info.op), 1) << info.op;
  }
}

TEST(PackGraph, FormatHasTheListsOfWords) {
  std::ifstream file(LACONIC_DOCS "/format.md");
  std::vector<std::string> lists;  // What stands between lines of ```, words apart by one space.
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```") {
      inside = !inside;
      if (inside) lists.emplace_back();
    } else if (inside) {
      lists.back() += line + " ";
    }
  }
  ASSERT_GE(lists.size(), 2u);
  EXPECT_EQ(lists[lists.size() - 2], fmt::format("{} ", fmt::join(packed::operator_words, " ")));
  EXPECT_EQ(lists.back(), fmt::format("{} ", fmt::join(packed::attribute_words, " ")));
}

std::string unpack_error(const std::vector<std::byte>& bytes,
                         ErrorCode code = ErrorCode::corrupt_data) {
  try {
    static_cast<void>(unpack_graph(bytes));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(UnpackGraph, RefusesEveryCut) {
  const auto packed = pack_graph(varied_graph());
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_NE(unpack_error({packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size)}),
              "no error")
        << size;
  }
  auto longer = packed;
  longer.push_back(std::byte{0});
  EXPECT_THAT(unpack_error(longer), HasSubstr("left over"));
}

TEST(UnpackGraph, SurvivesEveryFlippedBit) {
  const auto packed = pack_graph(varied_graph());
  for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
    auto flipped = packed;
    flipped[bit / 8] ^= std::byte(1u << bit % 8);
    try {
      const Graph graph = unpack_graph(flipped);
      static_cast<void>(pack_graph(graph));
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::corrupt_data ||
                  error.code() == ErrorCode::unsupported_version)
          << error.what();
    }
  }
}

TEST(UnpackGraph, NamesALaterVersion) {
  EXPECT_THAT(unpack_error({std::byte{9}}, ErrorCode::unsupported_version),
              testing::AllOf(HasSubstr("version 9"), HasSubstr("1 to 1")));
}

TEST(UnpackGraph, BoundsWhatAFewBytesAskFor) {
  const auto begin = [] {
    ByteWriter writer;
    writer.varint(packed::version);
    writer.text("");
    for (int i = 0; i < 3; ++i) writer.varint(i == 0 ? 13 : 0);  // Opset, no inputs, no names.
    return writer;
  };
  ByteWriter uniform = begin();
  for (const std::uint64_t number : {1, 1 << 2 | 1, 1, 1 << 24}) uniform.varint(number);
  uniform.u32(0);
  EXPECT_THAT(unpack_error(uniform.take()), HasSubstr("uniform constants"));

  ByteWriter nodes = begin();
  for (const std::uint64_t number : {0, 1, 3, 0, 0, 1, 1}) nodes.varint(number);
  nodes.varint(2);
  nodes.text(std::string(1 << 20, 'a'));
  nodes.varint(100);
  for (int i = 0; i < 100; ++i) nodes.varint(0);
  EXPECT_THAT(unpack_error(nodes.take()), HasSubstr("nodes take more than"));
}

}  // namespace
}  // namespace laconic
