#include "laconic/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "errors.h"
#include "graph_support.h"
#include "laconic/random.h"

namespace laconic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;
using testing::Pointwise;

TEST(Constant, HoldsWhatItWasGiven) {
  const Constant constant = floats({2, 1}, {1.5f, -2});
  EXPECT_EQ(constant.type(), ElementType::float32);
  EXPECT_EQ(constant.count(), 2);
  EXPECT_THAT(constant.floats(), ElementsAre(1.5f, -2));
  EXPECT_EQ(constant, floats({2, 1}, {1.5f, -2}));
  EXPECT_FALSE(constant == floats({1, 2}, {1.5f, -2}));
  EXPECT_THAT(integers({}, {7}).integers(), ElementsAre(7));
}

TEST(Constant, IntegersOfEveryTypeAreWidened) {
  const auto of = [](ElementType type, std::vector<unsigned char> bytes) {
    std::vector<std::byte> raw(bytes.size());
    std::memcpy(raw.data(), bytes.data(), bytes.size());
    return Constant(type, {1}, raw).integers();
  };
  EXPECT_THAT(of(ElementType::int8, {0xff}), ElementsAre(-1));
  EXPECT_THAT(of(ElementType::uint8, {0xff}), ElementsAre(255));
  EXPECT_THAT(of(ElementType::boolean, {1}), ElementsAre(1));
  EXPECT_THAT(of(ElementType::int16, {0xfe, 0xff}), ElementsAre(-2));
  EXPECT_THAT(of(ElementType::uint16, {0xfe, 0xff}), ElementsAre(65534));
  EXPECT_THAT(of(ElementType::int32, {0xfd, 0xff, 0xff, 0xff}), ElementsAre(-3));
  EXPECT_THAT(of(ElementType::uint32, {0xfd, 0xff, 0xff, 0xff}), ElementsAre(4294967293));
}

TEST(Constant, RefusesWhatDoesNotFit) {
  const std::vector<std::byte> four(4);
  EXPECT_THAT(error_of([&] { Constant(ElementType::float32, {2}, four); }), HasSubstr("[2]"));
  EXPECT_THAT(error_of([&] { Constant(ElementType::int8, {-4}, four); }), HasSubstr("negative"));
  const Shape huge(5, std::int64_t{1} << 40);
  EXPECT_THAT(error_of([&] { Constant(ElementType::int8, huge, four); }), HasSubstr("more than"));
  EXPECT_THAT(error_of([&] { static_cast<void>(integers({}, {1}).floats()); }), HasSubstr("int64"));
  EXPECT_THAT(error_of([&] { static_cast<void>(floats({}, {1}).integers()); }),
              HasSubstr("float32"));
}

TEST(Node, AttributesHaveFallbacksAndTypes) {
  const Node node{"n",
                  "Op",
                  {"a", ""},
                  {"b"},
                  {{"i", std::int64_t{3}},
                   {"f", 0.5f},
                   {"s", "word"},
                   {"is", std::vector<std::int64_t>{1, 2}}}};
  EXPECT_EQ(node.integer("i", 0), 3);
  EXPECT_EQ(node.integer("absent", 9), 9);
  EXPECT_EQ(node.number("f", 0), 0.5f);
  EXPECT_EQ(node.text("s", ""), "word");
  EXPECT_THAT(node.integers("is"), ElementsAre(1, 2));
  EXPECT_TRUE(node.has_input(0));
  EXPECT_FALSE(node.has_input(1));
  EXPECT_FALSE(node.has_input(2));
  EXPECT_THAT(error_of([&] { static_cast<void>(node.integer("f", 0)); }),
              testing::StrEq("Op node 'n': attribute 'f' is not an integer"));
}

TEST(Node, IsDescribedByNameOrOutput) {
  EXPECT_EQ(describe({"conv1", "Conv", {}, {"y"}, {}}), "Conv node 'conv1'");
  EXPECT_EQ(describe({"", "Conv", {}, {"", "y"}, {}}), "Conv node that writes 'y'");
  EXPECT_EQ(describe({"", "Conv", {}, {}, {}}), "Conv node without a name");
}

TEST(Validate, NamesTheFirstFault) {
  EXPECT_NO_THROW(validate(small_graph()));
  const auto broken = [](auto change) {
    Graph graph = small_graph();
    change(graph);
    return error_of([&] { validate(graph); });
  };
  EXPECT_THAT(broken([](Graph& g) { std::swap(g.nodes[0], g.nodes[1]); }), HasSubstr("'h'"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes[1].outputs[0] = "h"; }), HasSubstr("written twice"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes[0].outputs[0] = "x"; }), HasSubstr("written twice"));
  EXPECT_THAT(broken([](Graph& g) { g.outputs[0].name = "z"; }), HasSubstr("'z'"));
  EXPECT_THAT(broken([](Graph& g) { g.outputs[0].name = ""; }), HasSubstr("no name"));
  EXPECT_THAT(broken([](Graph& g) { g.inputs[0].name = ""; }), HasSubstr("no name"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes[0].op = ""; }), HasSubstr("no operator"));
  EXPECT_THAT(broken([](Graph& g) { g.constants.erase("fc.bias"); }), HasSubstr("'fc.bias'"));
}

TEST(Parameters, HaveTheRoleOfTheirFirstReader) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {1, 2, 4, 4}}};
  graph.outputs = {{"y", ElementType::float32, {}}};
  for (const auto* name : {"w", "b", "scale", "shift", "mean", "var", "slope", "m", "unread"}) {
    graph.constants.emplace(name, floats({1}, {1}));
  }
  graph.constants.emplace("axes", integers({1}, {0}));
  graph.nodes = {
      {"", "Conv", {"x", "w", "b"}, {"1"}, {}},
      {"", "BatchNormalization", {"1", "scale", "shift", "mean", "var"}, {"2"}, {}},
      {"", "PRelu", {"2", "slope"}, {"3"}, {}},
      {"", "Transpose", {"m"}, {"m2"}, {}},
      {"", "Unsqueeze", {"m2", "axes"}, {"m3"}, {}},
      {"", "MatMul", {"3", "m3"}, {"4"}, {}},
      {"", "Add", {"4", "b"}, {"y"}, {}},
  };
  const auto found = parameters(graph);
  std::vector<std::string> names;
  std::vector<Role> roles;
  for (const auto& parameter : found)
    names.push_back(parameter.name), roles.push_back(parameter.role);
  EXPECT_THAT(names, ElementsAre("w", "b", "scale", "shift", "mean", "var", "slope", "m"));
  constexpr auto norm = Role::normalization;
  EXPECT_THAT(roles, ElementsAre(Role::weight, Role::bias, norm, norm, norm, norm, Role::other,
                                 Role::weight));
  EXPECT_EQ(found[1].node, 0u);
  EXPECT_EQ(found[1].input, 2u);
  EXPECT_EQ(found[7].node, 3u);
}

/// Two batch normalisations of as many channels; the second's scale is the first's variance too.
Graph two_batch_norms() {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 3, 2, 2}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 3, 2, 2}}};
  Random numbers(5);
  for (const std::string name :
       {"a.scale", "a.bias", "a.mean", "shared", "b.bias", "b.mean", "b.var"}) {
    std::vector<float> values(3);
    for (auto& value : values) value = static_cast<float>(0.5 + numbers.uniform());
    graph.constants.emplace(name, floats({3}, values));
  }
  graph.nodes = {
      {"a",
       "BatchNormalization",
       {"x", "a.scale", "a.bias", "a.mean", "shared"},
       {"h"},
       {{"epsilon", 0.25f}}},
      {"b", "BatchNormalization", {"h", "shared", "b.bias", "b.mean", "b.var"}, {"y"}, {}}};
  return graph;
}

/// What a batch normalisation does to one channel's value, by the definition.
double apply(const Graph& graph, const Node& node, std::size_t channel, double x) {
  const auto value = [&](std::size_t input) {
    return graph.constants.at(node.inputs[input]).floats()[channel];
  };
  return (x - value(3)) / std::sqrt(value(4) + node.number("epsilon", 1e-5f)) * value(1) + value(2);
}

TEST(NormalizeBatchNorm, KeepsTheFunctionInHalfTheNumbers) {
  const Graph before = two_batch_norms();
  Graph after = before;
  normalize_batch_norm(after);
  EXPECT_NO_THROW(validate(after));
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (const double x : {-3.0, 0.0, 0.7}) {
        EXPECT_NEAR(apply(after, after.nodes[n], c, x), apply(before, before.nodes[n], c, x), 1e-5);
      }
    }
    EXPECT_EQ(after.nodes[n].number("epsilon", 1), 0);
    EXPECT_EQ(after.nodes[n].inputs[3], "zeros.3");
    EXPECT_EQ(after.nodes[n].inputs[4], "ones.3");
  }
  EXPECT_EQ(after.nodes[0].inputs[1], "a.scale");
  EXPECT_FALSE(after.constants.contains("a.mean"));
  EXPECT_TRUE(is_uniform(after.constants.at("ones.3")));
  Graph twice = after;
  normalize_batch_norm(twice);
  EXPECT_EQ(twice, after);
}

TEST(NormalizeBatchNorm, LeavesTrainingAndComputedStatisticsAlone) {
  Graph graph = two_batch_norms();
  graph.opset = 15;
  graph.nodes[0].attributes["training_mode"] = std::int64_t{1};
  graph.inputs.push_back({"b.mean", ElementType::float32, {3}});
  graph.constants.erase("b.mean");
  const Graph before = graph;
  normalize_batch_norm(graph);
  EXPECT_EQ(graph, before);
}

TEST(NormalizeBatchNorm, RefusesANegativeVariance) {
  Graph graph = two_batch_norms();
  graph.constants["b.var"] = floats({3}, {1, -1, 1});
  EXPECT_THAT(error_of([&] { normalize_batch_norm(graph); }),
              testing::AllOf(HasSubstr("node 'b'"), HasSubstr("channel 1"), HasSubstr("-1")));
}

}  // namespace
}  // namespace laconic
