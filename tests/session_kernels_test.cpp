// Which kernels run which layers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "errors.h"
#include "laconic/session.h"
#include "session_graphs.h"

namespace laconic {
namespace {

using namespace session_graphs;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

CompressedNetwork classifier() {
  return quantized(residual_classifier(), "uniform:levels=15");
}

/// What the layer of that node was found to take; a single entry where nothing was measured.
std::vector<LayerReport::Tried> tried(const Session& session, const std::string& node) {
  for (const auto& layer : session.layers()) {
    if (layer.node == node) return layer.tried;
  }
  return {};
}

std::string kernel(const Session& session, const std::string& node) {
  const auto all = tried(session, node);
  return all.empty() ? "none" : all.front().kernel;
}

TEST(LayerKernels, AreForcedForSingleLayers) {
  Session session(classifier(), {.layer_kernels = {{"a_node", LayerKernels::dense},
                                                   {"c_node", LayerKernels::packed},
                                                   {"Gemm node 'y_node'", LayerKernels::int8}}});
  EXPECT_THAT(kernel(session, "Conv node 'a_node'"), StartsWith("floats"));
  EXPECT_THAT(kernel(session, "Conv node 'c_node'"), StartsWith("bits4_floats"));
  EXPECT_THAT(kernel(session, "Gemm node 'y_node'"), StartsWith("bits4_int8"));
  for (const auto& layer : session.layers()) EXPECT_THAT(layer.tried, SizeIs(1)) << layer.node;
}

TEST(LayerKernels, LeaveOthersAsTheyWere) {
  Session one(classifier(), {.layer_kernels = {{"c_node", LayerKernels::dense}}});
  EXPECT_THAT(tried(one, "Conv node 'a_node'"), SizeIs(3));
  EXPECT_THAT(tried(one, "Conv node 'c_node'"), SizeIs(1));
  Session measured(classifier(), {.kernels = LayerKernels::dense,
                                  .layer_kernels = {{"c_node", LayerKernels::fastest}}});
  EXPECT_THAT(kernel(measured, "Conv node 'a_node'"), StartsWith("floats"));
  EXPECT_THAT(tried(measured, "Conv node 'c_node'"), SizeIs(3));
}

TEST(LayerKernels, AnswerAsTheyDoForAllLayers) {
  for (const auto kernels : {LayerKernels::int8, LayerKernels::packed, LayerKernels::dense}) {
    Session all(classifier(), {.kernels = kernels});
    Session each(
        classifier(),
        {.layer_kernels = {{"a_node", kernels}, {"c_node", kernels}, {"y_node", kernels}}});
    EXPECT_EQ(answer(each, 3), answer(all, 3)) << name(kernels);
  }
}

TEST(LayerKernels, AreForcedByWhatANodeWithoutANameWrites) {
  auto network = classifier();
  for (Node& one : network.graph.nodes) one.name = "";
  network.graph.nodes.front().name = "block=1/conv";
  Session session(network, {.layer_kernels = {{"y", LayerKernels::dense},
                                              {"block=1/conv", LayerKernels::packed}}});
  EXPECT_THAT(kernel(session, "Gemm node that writes 'y'"), StartsWith("floats"));
  EXPECT_THAT(kernel(session, "Conv node 'block=1/conv'"), StartsWith("bits4_floats"));
}

TEST(LayerKernels, TakeTheNextWhereTheForcedOnesDoNotApply) {
  Session session(residual_classifier(), {.layer_kernels = {{"a_node", LayerKernels::int8}}});
  EXPECT_THAT(kernel(session, "Conv node 'a_node'"), StartsWith("floats"));
  Session many(quantized(residual_classifier(), "kmeans:levels=300"),
               {.layer_kernels = {{"c_node", LayerKernels::packed}}});
  EXPECT_THAT(kernel(many, "Conv node 'c_node'"), StartsWith("floats"));
}

Graph recurrent() {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {3, -1, 4}}};
  graph.outputs = {{"y", ElementType::float32, {3, 1, -1, 2}}};
  graph.nodes = {node("LSTM", {"x", "w", "r"}, "y", {{"hidden_size", std::int64_t{2}}})};
  graph.constants = {{"w", random_constant({1, 8, 4}, 1)}, {"r", random_constant({1, 8, 2}, 2)}};
  return graph;
}

TEST(LayerKernels, AreForcedForAllThatARecurrenceMultipliesBy) {
  Session session(quantized(recurrent(), "uniform:levels=15"),
                  {.layer_kernels = {{"y_node", LayerKernels::dense}}});
  ASSERT_THAT(session.layers(), SizeIs(2));
  for (const auto& layer : session.layers()) {
    EXPECT_THAT(layer.tried, SizeIs(1));
    EXPECT_THAT(layer.tried.front().kernel, StartsWith("floats"));
  }
}

TEST(LayerKernels, AreRefusedForWhatIsNoLayer) {
  const auto said = [](const CompressedNetwork& network, const std::string& layer) {
    return error_of(
        [&] {
          (void)Session(network, {.layer_kernels = {{layer, LayerKernels::dense}}});
        },
        ErrorCode::invalid_argument);
  };
  EXPECT_THAT(said(classifier(), "b_node"),
              HasSubstr("unknown layer \"b_node\"; valid, nearest first: a_node, c_node, y_node"));
  EXPECT_THAT(said(classifier(), "r_node"), HasSubstr("unknown layer \"r_node\""));
  EXPECT_THAT(said(classifier(), ""), HasSubstr("unknown layer \"\""));
  Graph none;
  none.inputs = {{"x", ElementType::float32, {-1, 4}}};
  none.outputs = {{"y", ElementType::float32, {-1, 4}}};
  none.nodes = {node("Relu", {"x"}, "y")};
  EXPECT_THAT(said({none, {}, {}}, "y_node"), HasSubstr("the network has no layer with weights"));
}

TEST(LayerKernels, TellAFewNamesOfMany) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, 2}}};
  std::string from = "x";
  for (int i = 0; i < 20; ++i) {
    const auto to = "layer" + std::to_string(i), weight = "w" + std::to_string(i);
    graph.nodes.push_back(node("Gemm", {from, weight}, to, {{"transB", std::int64_t{1}}}));
    graph.constants.emplace(weight, random_constant({2, 2}, 1));
    from = to;
  }
  graph.outputs = {{from, ElementType::float32, {-1, 2}}};
  EXPECT_THAT(error_of(
                  [&] {
                    (void)Session(graph, {.layer_kernels = {{"layer7", {}}}});
                  },
                  ErrorCode::invalid_argument),
              AllOf(HasSubstr("nearest first: layer7_node, "), HasSubstr(" and 12 more")));
}

/// Nothing but a run tells how many axes the input has.
TEST(LayerKernels, AreLookedUpWhenARunTellsShapes) {
  auto network = classifier();
  network.graph.inputs[0] = {"x", ElementType::float32, {}, false};
  Session forced(network, {.layer_kernels = {{"a_node", LayerKernels::dense}}});
  Session refused(network, {.layer_kernels = {{"b_node", LayerKernels::dense}}});
  const Shape shape{1, 3, 8, 8};
  const auto values = random_values(element_count(shape), 3);
  const TensorView view(shape, values);
  (void)forced.run({&view, 1});
  EXPECT_THAT(kernel(forced, "Conv node 'a_node'"), StartsWith("floats"));
  for (int again = 0; again < 2; ++again) {
    EXPECT_THAT(error_of(
                    [&] {
                      (void)refused.run({&view, 1});
                    },
                    ErrorCode::invalid_argument),
                HasSubstr("unknown layer \"b_node\""));
  }
}

}  // namespace
}  // namespace laconic
