// Batches that are run in parts: which networks are, and that parts answer as the whole does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "laconic/error.h"
#include "laconic/session.h"
#include "laconic/threads.h"
#include "runtime/batch.h"
#include "runtime/samples.h"
#include "session_graphs.h"

namespace laconic {
namespace {

using namespace session_graphs;
using runtime::Batch;
using runtime::BatchTuning;

struct Planned {
  runtime::Program program;
  runtime::PreparedLayers prepared;

  explicit Planned(Graph graph) : Planned(CompressedNetwork{std::move(graph), {}, {}}) {}
  explicit Planned(CompressedNetwork network) : program(runtime::make_program(std::move(network))) {
    program.max_elements = 1 << 20;
    prepared.resize(program.graph.nodes.size());
  }
};

struct Threads {
  explicit Threads(int count) { set_threads(count); }
  ~Threads() { set_threads(0); }
};

std::vector<runtime::Value> inputs_of(const Graph& graph, std::int64_t batch) {
  std::vector<runtime::Value> out;
  for (const auto& input : graph.inputs) {
    out.push_back({{input.type, input.shape}});
    out.back().signature.shape[0] = batch;
  }
  return out;
}

bool apart(const Graph& graph) {
  const Planned planned(graph);
  const auto infer = [&](std::int64_t batch) {
    return runtime::Plan::infer(planned.program, inputs_of(graph, batch));
  };
  return runtime::samples_are_apart(planned.program, infer(2), infer(3));
}

Constant integers(std::vector<std::int64_t> values) {
  return Constant::of({std::ssize(values)}, std::span<const std::int64_t>(values));
}

/// From x of [batch, 3, 4] to y.
Graph small(std::vector<Node> nodes, std::map<std::string, Constant, std::less<>> constants = {}) {
  Graph graph;
  graph.opset = 13;
  graph.inputs = {{"x", ElementType::float32, {-1, 3, 4}}};
  graph.outputs = {{"y", ElementType::float32, {}, false}};
  graph.nodes = std::move(nodes);
  graph.constants = std::move(constants);
  return graph;
}

std::map<std::string, Attribute, std::less<>> with(std::string key, Attribute value) {
  return {{std::move(key), std::move(value)}};
}

TEST(SamplesAreApart, InNetworksOfLayers) {
  EXPECT_TRUE(apart(residual_classifier()));
  EXPECT_TRUE(apart(padded_shortcut("reflect")));
  EXPECT_TRUE(apart(gated_block()));
  EXPECT_TRUE(apart(transformer_block()));
}

TEST(SamplesAreApart, WhereShapesAreComputedFromShapes) {
  const Graph graph =
      small({node("Shape", {"x"}, "s"), node("Gather", {"s", "zero"}, "n"),
             node("Concat", {"n", "rest"}, "target", with("axis", std::int64_t{0})),
             node("Expand", {"token", "target"}, "t"), node("Add", {"t", "x"}, "y")},
            {{"zero", integers({0})},
             {"rest", integers({3, 4})},
             {"token", random_constant({1, 1, 4}, 1)}});
  EXPECT_TRUE(apart(graph));
  // A number of samples that becomes a value is none of any sample's business.
  const Graph counted = small(
      {node("Shape", {"x"}, "s"), node("Gather", {"s", "zero"}, "n"),
       node("ArgMax", {"x"}, "a", with("axis", std::int64_t{1})), node("Mul", {"a", "n"}, "y")},
      {{"zero", integers({0})}});
  EXPECT_FALSE(apart(counted));
}

TEST(SamplesAreApart, NotWhereAnOperatorMixesThem) {
  const auto list = [](std::vector<std::int64_t> values) { return Attribute(std::move(values)); };
  const std::vector<Graph> mixing = {
      small({node("Softmax", {"x"}, "y", with("axis", std::int64_t{0}))}),
      small({node("Softmax", {"x"}, "y", with("axis", std::int64_t{-3}))}),
      small(
          {node("ReduceMean", {"x"}, "m", with("axes", list({0}))), node("Sub", {"x", "m"}, "y")}),
      small({node("Slice", {"x", "start", "end", "axis", "step"}, "y")},
            {{"start", integers({-1})},
             {"end", integers({-100})},
             {"axis", integers({0})},
             {"step", integers({-1})}}),
      small({node("Pad", {"x", "pads"}, "y", with("mode", std::string("constant")))},
            {{"pads", integers({1, 0, 0, -1, 0, 0})}}),
      small({node("Transpose", {"x"}, "t", with("perm", list({1, 2, 0}))),
             node("Softmax", {"t"}, "u"),
             node("Transpose", {"u"}, "y", with("perm", list({2, 0, 1})))}),
      small({node("Flatten", {"x"}, "f"), node("Transpose", {"f"}, "t", with("perm", list({1, 0}))),
             node("MatMul", {"f", "t"}, "g"), node("MatMul", {"g", "f"}, "y")}),
      small({node("ReduceSum", {"x"}, "s", with("keepdims", std::int64_t{0})),
             node("Add", {"x", "s"}, "y")}),
      small({node("LSTM", {"x", "w", "r"}, "y", with("hidden_size", std::int64_t{2}))},
            {{"w", random_constant({1, 8, 4}, 1)}, {"r", random_constant({1, 8, 2}, 2)}}),
  };
  for (const Graph& graph : mixing) EXPECT_FALSE(apart(graph)) << graph.nodes[0].op;
}

TEST(SamplesAreApart, WhateverBatchTheGraphDeclares) {
  Graph graph = residual_classifier();
  graph.inputs[0].shape[0] = 32;
  EXPECT_TRUE(apart(graph));
  graph.nodes[10] = node("Reshape", {"u", "fixed"}, "f");
  graph.constants.emplace("fixed", integers({32, 96}));
  EXPECT_THROW((void)apart(graph), Error);
}

TEST(Batch, PartsAnswerAsTheWholeDoes) {
  const Threads three(3);
  constexpr std::int64_t samples = 7;
  for (const Graph& graph : {residual_classifier(), gated_block(), transformer_block()}) {
    const auto inputs = inputs_of(graph, samples);
    const auto values = random_values(inputs[0].signature.count(), 3);
    const std::vector<const std::byte*> data = {reinterpret_cast<const std::byte*>(values.data())};
    const auto answers = [&](Batch& batch) {
      batch.run(data);
      const auto* first = reinterpret_cast<const float*>(batch.output_data(0));
      return std::vector<float>(first, first + batch.outputs()[0].count());
    };
    Planned planned(graph);
    Batch whole(planned.program, inputs, planned.prepared, LayerKernels::dense);
    EXPECT_EQ(whole.samples_at_once(), 0);
    const auto expected = answers(whole);
    for (const std::int64_t at_once : {1, 3, 7, 100}) {
      BatchTuning tuning{.samples = at_once, .settled = true, .told = true};
      Batch parts(planned.program, inputs, planned.prepared, LayerKernels::dense, data, tuning);
      EXPECT_EQ(parts.samples_at_once(), at_once < samples ? at_once : 0);
      EXPECT_EQ(parts.outputs()[0].shape, whole.outputs()[0].shape);
      EXPECT_EQ(answers(parts), expected) << at_once;
      EXPECT_EQ(tuning.samples, at_once);
    }
  }
}

TEST(Batch, IsSharedEvenlyAmongThreads) {
  const Threads three(3);
  const Graph graph = residual_classifier();
  const auto at_once = [&](std::int64_t samples, std::int64_t found) {
    const auto inputs = inputs_of(graph, samples);
    const auto values = random_values(inputs[0].signature.count(), 3);
    const std::vector<const std::byte*> data = {reinterpret_cast<const std::byte*>(values.data())};
    Planned planned(graph);
    BatchTuning tuning{.samples = found, .settled = true};
    return Batch(planned.program, inputs, planned.prepared, LayerKernels::dense, data, tuning)
        .samples_at_once();
  };
  EXPECT_EQ(at_once(30, 100), 10);
  EXPECT_EQ(at_once(30, 4), 4);  // 9 parts rather than 8.
  EXPECT_EQ(at_once(30, 6), 5);  // 6 parts rather than 5.
  EXPECT_EQ(at_once(3, 8), 1);
  EXPECT_EQ(at_once(2, 8), 0);  // Layers are shared.
}

TEST(Batch, FindsASizeForItsParts) {
  const SerialLoops alone;
  const Graph graph = residual_classifier();
  const auto inputs = inputs_of(graph, 20);
  const auto values = random_values(inputs[0].signature.count(), 3);
  const std::vector<const std::byte*> data = {reinterpret_cast<const std::byte*>(values.data())};
  Planned planned(graph);
  BatchTuning tuning;
  const Batch batch(planned.program, inputs, planned.prepared, LayerKernels::dense, data, tuning);
  EXPECT_GE(tuning.samples, 1);
  EXPECT_LE(tuning.samples, 16);
  EXPECT_GE(batch.samples_at_once(), 1);
  EXPECT_LE(batch.samples_at_once(), tuning.samples);
}

/// The target of a reshape that fits batches of up to three alone.
TEST(Batch, IsRunAsOneWherePartsWouldNotBeOfSamples) {
  Graph graph =
      small({node("Shape", {"x"}, "s"), node("Gather", {"s", "zero"}, "n"),
             node("Min", {"n", "three"}, "m"),
             node("Concat", {"m", "rest"}, "target", with("axis", std::int64_t{0})),
             node("Reshape", {"x", "target"}, "y")},
            {{"zero", integers({0})}, {"three", integers({3})}, {"rest", integers({-1})}});
  const auto inputs = inputs_of(graph, 12);
  const auto values = random_values(inputs[0].signature.count(), 3);
  const std::vector<const std::byte*> data = {reinterpret_cast<const std::byte*>(values.data())};
  Planned planned(graph);
  BatchTuning tuning{.samples = 6, .settled = true, .told = true};
  Batch batch(planned.program, inputs, planned.prepared, LayerKernels::dense, data, tuning);
  EXPECT_EQ(batch.samples_at_once(), 0);
  EXPECT_EQ(batch.outputs()[0].shape, (Shape{3, 48}));
  batch.run(data);
}

/// Rows of 12 numbers, which a single sample is not turned into.
TEST(Batch, IsRunAsOneWherePartsCannotBePlanned) {
  const Graph graph =
      small({node("Shape", {"x"}, "s"), node("Gather", {"s", "zero"}, "n"),
             node("Max", {"n", "two"}, "m"),
             node("Concat", {"m", "rest"}, "target", with("axis", std::int64_t{0})),
             node("Reshape", {"x", "target"}, "f"), node("MatMul", {"f", "w"}, "y")},
            {{"zero", integers({0})},
             {"two", integers({2})},
             {"rest", integers({-1})},
             {"w", random_constant({12, 2}, 1)}});
  ASSERT_TRUE(apart(graph));
  const auto inputs = inputs_of(graph, 8);
  const auto values = random_values(inputs[0].signature.count(), 3);
  const std::vector<const std::byte*> data = {reinterpret_cast<const std::byte*>(values.data())};
  Planned planned(graph);
  for (BatchTuning tuning : {BatchTuning{}, BatchTuning{.samples = 1, .settled = true}}) {
    Batch batch(planned.program, inputs, planned.prepared, LayerKernels::dense, data, tuning);
    EXPECT_EQ(batch.samples_at_once(), 0);
    EXPECT_EQ(batch.outputs()[0].shape, (Shape{8, 2}));
  }
}

/// What a sample's answer may take, a batch's may not.
TEST(Batch, IsRefusedWhereAnswersAreTooLarge) {
  const Graph graph = small({node("ReduceSum", {"x", "axes"}, "r"),
                             node("Expand", {"e", "target"}, "w"), node("Add", {"r", "w"}, "y")},
                            {{"e", random_constant({1, 1, 1}, 1)},
                             {"target", integers({1, 1, 1000})},
                             {"axes", integers({1, 2})}});
  const auto inputs = inputs_of(graph, 40);
  const auto values = random_values(inputs[0].signature.count(), 3);
  const std::vector<const std::byte*> data = {reinterpret_cast<const std::byte*>(values.data())};
  Planned planned(graph);
  planned.program.max_elements = 20'000;
  BatchTuning tuning{.samples = 1, .settled = true, .told = true};
  EXPECT_THROW(Batch(planned.program, inputs, planned.prepared, LayerKernels::dense, data, tuning),
               Error);
}

TEST(Session, TellsHowManyThreadsHaveWork) {
  const Threads three(3);
  Session session(residual_classifier(), {.kernels = LayerKernels::dense});
  (void)answer(session, 1);
  EXPECT_TRUE(session.threads_used() == 1 || session.threads_used() == 3);
  (void)answer(session, 9);
  EXPECT_EQ(session.threads_used(), 3);
  set_threads(1);
  EXPECT_EQ(session.threads_used(), 1);
}

/// To the bit: threads decide the parts of a batch, and must not decide the answer.
TEST(Session, AnswersAlikeOnAnyNumberOfThreads) {
  for (const Graph& graph : {residual_classifier(), gated_block(), transformer_block()}) {
    for (const auto kernels : {LayerKernels::dense, LayerKernels::packed, LayerKernels::int8}) {
      const auto on_threads = [&](int count, std::int64_t samples) {
        const Threads threads(count);
        Session session(quantized(graph, "uniform:step=0.1"), {.kernels = kernels});
        return answer(session, samples);
      };
      for (const std::int64_t samples : {1, 2, 7, 24}) {
        const auto expected = on_threads(1, samples);
        for (const int count : {2, 3, 8}) {
          EXPECT_EQ(on_threads(count, samples), expected)
              << name(kernels) << ", " << samples << " samples on " << count;
        }
      }
    }
  }
}

TEST(Session, RunsAsManySamplesAtOnceAsItIsToldOrFinds) {
  const SerialLoops alone;
  const auto at_once = [](LayerKernels kernels, std::int64_t told) {
    SessionOptions options;
    options.kernels = kernels;
    options.samples_at_once = told;
    Session session(quantized(residual_classifier(), "uniform:step=0.1"), options);
    (void)answer(session, 40);
    return session.samples_at_once();
  };
  EXPECT_EQ(at_once(LayerKernels::packed, 0), 0);
  EXPECT_EQ(at_once(LayerKernels::packed, 6), 6);
  EXPECT_EQ(at_once(LayerKernels::fastest, 6), 6);
  EXPECT_LT(at_once(LayerKernels::fastest, 0), 40);
  EXPECT_THROW((void)at_once(LayerKernels::packed, -1), Error);
}

}  // namespace
}  // namespace laconic
