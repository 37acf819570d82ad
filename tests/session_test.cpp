#include "laconic/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <new>

#include "errors.h"
#include "laconic/threads.h"
#include "runtime/arena.h"
#include "runtime/layer.h"
#include "session_graphs.h"
#include "temporary_folder.h"

namespace {

std::atomic<std::int64_t> allocations{0}, held{0}, most_held{0};

}  // namespace

// Counts what runs allocate, and the bytes held; packed weights are aligned, and not counted.
void* operator new(std::size_t bytes) {
  ++allocations;
  void* memory = std::malloc(bytes > 0 ? bytes : 1);
  if (memory == nullptr) throw std::bad_alloc();
  const auto now = held += static_cast<std::int64_t>(malloc_usable_size(memory));
  for (auto most = most_held.load(); now > most && !most_held.compare_exchange_weak(most, now);) {
  }
  return memory;
}
void operator delete(void* memory) noexcept {
  held -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace laconic {
namespace {

using namespace session_graphs;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

constexpr std::array forced = {LayerKernels::int8, LayerKernels::packed, LayerKernels::dense};

TEST(Session, FusedStepsAnswerAsSingleOnesDo) {
  for (Graph graph :
       {residual_classifier(), gated_block(), transformer_block(), padded_shortcut("constant"),
        padded_shortcut("edge"), padded_shortcut("reflect")}) {
    Session fused(graph);
    // What is an output is not fused away, and has channels first.
    for (const Node& node : graph.nodes) {
      if (node.outputs[0] != "y") {
        graph.outputs.push_back({node.outputs[0], ElementType::float32, {}, false});
      }
    }
    Session single(graph);
    EXPECT_THAT(answer(fused, 2), Pointwise(FloatNear(1e-3F), answer(single, 2)));
  }
}

TEST(Session, RefusesFilesWithItsOwnAttributes) {
  for (const char* const key : {"laconic.function", "laconic.turned", "laconic.channels_last"}) {
    Graph graph = gated_block();
    graph.nodes[0].attributes.emplace(key, std::int64_t{99});
    EXPECT_THAT(error_of([&] { (void)Session(graph); }, ErrorCode::invalid_data), HasSubstr(key));
  }
}

TEST(Session, PackedWeightsAnswerAsTheirLevelsDo) {
  for (const char* spec : {"uniform:levels=15", "kmeans:levels=4", "kmeans:levels=256"}) {
    const auto network = quantized(residual_classifier(), spec);
    Session packed(network, {.kernels = LayerKernels::packed});
    Session dense(to_graph(network), {.kernels = LayerKernels::dense});
    EXPECT_THAT(answer(packed, 3), Pointwise(FloatNear(1e-3F), answer(dense, 3))) << spec;
    for (const auto& layer : packed.layers()) {
      EXPECT_EQ(layer.tried.size(), 1U);
      EXPECT_EQ(layer.tried[0].weight_error, 0);
    }
  }
}

TEST(Session, AnswersDoNotDependOnThreads) {
  const auto network = quantized(residual_classifier(), "uniform:levels=15");
  for (const auto kernels : forced) {
    Session session(network, {.kernels = kernels});
    set_threads(1);
    const auto alone = answer(session, 9);
    set_threads(4);
    EXPECT_EQ(answer(session, 9), alone) << name(kernels);
    set_threads(0);
  }
}

TEST(Session, RunsOfOneShapeAllocateNothingAfterTheFirst) {
  const auto network = quantized(residual_classifier(), "uniform:levels=15");
  for (const auto kernels : forced) {
    Session session(network, {.kernels = kernels});
    const Shape shape{2, 3, 8, 8};
    const auto values = random_values(element_count(shape), 3);
    const TensorView view(shape, values);
    (void)session.run({&view, 1});
    const auto before = allocations.load();
    (void)session.run({&view, 1});
    EXPECT_EQ(allocations.load(), before) << name(kernels);
  }
}

TEST(Session, ShapesMayChangeFromRunToRun) {
  Session session(residual_classifier());
  const auto one = answer(session, 1);
  const auto three = answer(session, 3);
  EXPECT_EQ(three.size(), 12U);
  EXPECT_EQ(answer(session, 1), one);
}

TEST(Session, ReadsWhatFilesHold) {
  const TemporaryFolder folder;
  const auto network = quantized(residual_classifier(), "kmeans:levels=9");
  (void)save(network, folder.path("n.lac"));
  Session opened = Session::open(folder.path("n.lac"), {.kernels = LayerKernels::packed});
  Session made(network, {.kernels = LayerKernels::packed});
  EXPECT_EQ(answer(opened, 2), answer(made, 2));
}

TEST(Session, ReadsSettingsThatFilesHoldAsQuantizedTensors) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {2}}};
  graph.outputs = {{"y", ElementType::float32, {4}}};
  graph.nodes = {node("Pad", {"x", "pads", "value"}, "y")};
  graph.constants = {{"pads", Constant::of({2}, std::span<const std::int64_t>(Shape{1, 1}))}};
  CompressedNetwork network{graph, {}, {}};
  network.tensors.emplace(
      "value", QuantizedParameter{QuantizedTensor{{}, 1, {Codebook({7.0F})}, {0}}, "", ""});
  Session session(network);
  const Shape shape{2};
  const std::vector<float> x = {1, 2};
  const TensorView view(shape, x);
  EXPECT_THAT(session.run({&view, 1})[0].floats(), testing::ElementsAre(7, 1, 2, 7));
}

TEST(Session, LeavesOutNodesWhoseOutputsHaveNoNames) {
  Graph graph = residual_classifier(), more = graph;
  more.nodes.push_back(node("Pad", {"y", "pads"}, ""));
  more.nodes.push_back(node("Pad", {"y", "pads"}, ""));
  more.nodes.back().outputs.clear();
  const std::vector<std::int64_t> pads(4);
  more.constants.emplace("pads", Constant(ElementType::int64, {4},
                                          {std::as_bytes(std::span(pads)).begin(),
                                           std::as_bytes(std::span(pads)).end()}));
  Session session(graph), other(more);
  EXPECT_EQ(answer(other, 2), answer(session, 2));
}

TEST(Session, WantsANameForAFirstOutputThatIsNotOptional) {
  Graph graph = residual_classifier();
  for (auto& each : graph.nodes) {
    if (each.op == "MaxPool") each.outputs = {"", "p"};  // The positions of the largest.
  }
  Session session(graph);
  EXPECT_THAT(error_of([&] { (void)answer(session, 1); }, ErrorCode::invalid_data),
              HasSubstr("its first output must have a name"));
}

TEST(Session, NanReachesTheAnswers) {
  Session session(residual_classifier());
  const Shape shape{1, 3, 8, 8};
  auto values = random_values(element_count(shape), 3);
  values[5] = std::nanf("");
  const TensorView view(shape, values);
  EXPECT_TRUE(std::isnan(session.run({&view, 1})[0].floats()[0]));
}

/// What the first run packed before it failed belongs to a graph without fusing.
TEST(Session, TakesShapesFromTheFirstRunThatFits) {
  Graph graph = residual_classifier();
  const auto pool = graph.nodes.begin() + 7;
  ASSERT_EQ(pool->op, "MaxPool");
  pool->inputs = {"more"};
  graph.nodes.insert(pool,
                     {node("Conv", {"t", "w4"}, "again"), node("Add", {"again", "t"}, "more")});
  graph.constants.emplace("w4", random_constant({6, 6, 1, 1}, 10));
  const Shape good{1, 3, 8, 8}, bad{1, 3, 6, 6};
  const auto values = random_values(element_count(good), 5);
  const auto run = [&](Session& session, const Shape& shape) {
    const TensorView view(shape,
                          std::span(values).first(static_cast<std::size_t>(element_count(shape))));
    const auto out = session.run({&view, 1})[0].floats();
    return std::vector<float>(out.begin(), out.end());
  };
  Session known(graph, {.kernels = LayerKernels::dense});
  graph.inputs[0].shape = {-1, 3, -1, -1};
  Session open(graph, {.kernels = LayerKernels::dense});
  EXPECT_THROW((void)run(open, bad), Error);
  EXPECT_EQ(run(open, good), run(known, good));
  EXPECT_THROW((void)run(open, bad), Error);
  EXPECT_EQ(run(open, good), run(known, good));
}

/// A mean over one pixel has the shape of the image.
TEST(Session, DoesNotTakeTheFirstShapesForAll) {
  Graph graph = residual_classifier();
  graph.inputs[0].shape = {-1, 3, -1, -1};
  graph.outputs[0].ranked = false;
  graph.constants = {{"w", random_constant({3, 3, 1, 1}, 7)}};
  graph.nodes = {node("GlobalAveragePool", {"x"}, "m"), node("Conv", {"x", "w"}, "c"),
                 node("Add", {"c", "m"}, "y")};
  const auto values = random_values(12, 5);
  const Shape small{1, 3, 1, 1}, large{1, 3, 2, 2};
  const auto run = [&](Session& session) {
    const TensorView view(large, values);
    const auto out = session.run({&view, 1})[0].floats();
    return std::vector<float>(out.begin(), out.end());
  };
  Session guessed(graph, {.kernels = LayerKernels::dense}),
      told(graph, {.kernels = LayerKernels::dense, .shapes = {{"x", small}}});
  EXPECT_EQ(run(told), run(guessed));
}

/// One value, which would be guessed, is too few to pool two.
TEST(Session, TakesShapesFromTheFirstRunWhereItCannotGuessThem) {
  Graph graph = layer_normalization_graph(false);
  graph.nodes.insert(graph.nodes.begin(),
                     node("MaxPool", {"x"}, "p", {{"kernel_shape", std::vector<std::int64_t>{2}}}));
  for (Node& user : graph.nodes) {
    if (user.op != "MaxPool") std::ranges::replace(user.inputs, "x", "p");
  }
  const auto run = [&](std::int64_t extent) {
    graph.inputs[0].shape = {-1, 4, extent};
    Session session(graph, {.kernels = LayerKernels::dense});
    const Shape shape{1, 4, 7};
    const auto values = random_values(element_count(shape), 5);
    const TensorView view(shape, values);
    const auto out = session.run({&view, 1})[0].floats();
    return std::pair(std::vector<float>(out.begin(), out.end()), session.memory().values);
  };
  const auto known = run(7), open = run(-1);
  EXPECT_EQ(open.first, known.first);
  EXPECT_EQ(open.second, known.second);  // Nine steps are one.
}

/// Where all extents are guessed to be 1, what is one number per channel looks like an image.
TEST(Session, ImagesMayHaveAnySize) {
  Graph gated = gated_block();
  gated.nodes.resize(14);
  gated.outputs = {{"cs", ElementType::float32, {}, false}};
  for (const char* const name : {"w6", "w7"}) gated.constants.erase(name);
  Graph either_way = padded_shortcut("edge");
  either_way.nodes.push_back(node("Mul", {"y", "gates"}, "z"));
  either_way.nodes.push_back(node("Add", {"places", "z"}, "last"));
  Graph joined = residual_classifier();
  joined.nodes = {node("AveragePool", {"x"}, "p",
                       {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
                        {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}),
                  node("Concat", {"p", "x"}, "y", {{"axis", std::int64_t{1}}})};
  joined.constants.clear();
  joined.outputs[0].ranked = false;
  Graph gates_last = residual_classifier();
  gates_last.nodes = {node("GlobalAveragePool", {"x"}, "m"), node("Conv", {"m", "w"}, "g"),
                      node("Sub", {"x", "g"}, "y")};
  gates_last.constants = {{"w", random_constant({3, 3, 1, 1}, 7)}};
  gates_last.outputs[0].ranked = false;
  either_way.constants.emplace("gates", random_constant({8, 1, 1}, 5));
  either_way.constants.emplace("places", random_constant({1, 1, 4, 4}, 6));
  either_way.outputs = {{"last", ElementType::float32, {}, false}};
  for (Graph graph :
       {gated, either_way, joined, gates_last, residual_classifier(), padded_shortcut("reflect")}) {
    Session fixed(graph);
    graph.inputs[0].shape = {-1, 3, -1, -1};
    Session open(graph);
    const Shape shape{2, 3, 8, 8};
    const auto values = random_values(element_count(shape), 11);
    const TensorView view(shape, values);
    const auto expected = fixed.run({&view, 1})[0].floats();
    EXPECT_THAT(open.run({&view, 1})[0].floats(), Pointwise(FloatNear(1e-4F), expected))
        << graph.outputs[0].name;
  }
}

TEST(Session, ShapesMayBeInputs) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {6}}, {"shape", ElementType::int64, {2}}};
  graph.outputs = {{"y", ElementType::float32, {-1, -1}}};
  graph.nodes = {node("Reshape", {"x", "shape"}, "y")};
  Session session(graph);
  const Shape x_shape{6}, two{2};
  const auto x = random_values(6, 1);
  for (const Shape& wanted : {Shape{2, 3}, Shape{3, 2}}) {
    const std::vector<TensorView> views = {
        {x_shape, x}, {ElementType::int64, two, std::as_bytes(std::span(wanted))}};
    const auto out = session.run(views)[0];
    EXPECT_THAT(out.shape, testing::ElementsAreArray(wanted));
  }
}

TEST(Session, NamesWhatItCannotRun) {
  Graph graph = residual_classifier();
  graph.nodes[2].op = "Einsum";
  EXPECT_THAT(error_of([&] { (void)Session{graph}; }, ErrorCode::unsupported_operator),
              HasSubstr("Einsum node 'r_node'"));
}

TEST(Session, NamesInputsThatDoNotFit) {
  Session session(residual_classifier());
  const auto values = random_values(3 * 64, 1);
  const Shape wrong{1, 3, 4, 16}, right{1, 3, 8, 8};
  const TensorView shape(wrong, values);
  EXPECT_THAT(error_of(
                  [&] {
                    (void)session.run({&shape, 1});
                  },
                  ErrorCode::invalid_data),
              HasSubstr("input \"x\" is 1x3x4x16, but must be ?x3x8x8"));
  const TensorView type(ElementType::int32, right, std::as_bytes(std::span(values)));
  EXPECT_THAT(error_of(
                  [&] {
                    (void)session.run({&type, 1});
                  },
                  ErrorCode::invalid_data),
              HasSubstr("input \"x\" is int32, but must be float32"));
  const TensorView cut(right, std::span(values).first(5));
  EXPECT_THAT(error_of(
                  [&] {
                    (void)session.run({&cut, 1});
                  },
                  ErrorCode::invalid_data),
              HasSubstr("has 20 bytes"));
  EXPECT_THAT(error_of([&] { (void)session.run({}); }, ErrorCode::invalid_data),
              HasSubstr("takes 1 inputs, not 0"));
}

TEST(Session, RefusesShapesThatDoNotHangTogether) {
  Graph graph = residual_classifier();
  graph.constants.insert_or_assign("w3", random_constant({4, 95}, 1));
  Session session(graph);  // An open batch might still make them fit.
  EXPECT_THAT(error_of([&] { (void)answer(session, 1); }), HasSubstr("cannot multiply 1x96"));
}

TEST(Session, RefusesValuesOfMoreElementsThanItMayHold) {
  const SessionOptions options{.max_value_elements = 2 * 3 * 64};
  Session session(residual_classifier(), options);
  EXPECT_THAT(error_of([&] { (void)answer(session, 16); }, ErrorCode::invalid_data),
              HasSubstr("at most 384 elements are allowed"));
}

TEST(Session, RefusesAShapeToMeasureWithThatDoesNotFit) {
  const SessionOptions options{.shapes = {{"x", {1, 3, 9, 9}}}};
  EXPECT_THAT(
      error_of([&] { Session(residual_classifier(), options); }, ErrorCode::invalid_argument),
      HasSubstr("must be ?x3x8x8"));
}

/// y = W x, several times over, with weights of a few levels; coded by rANS.
CompressedNetwork chain_of_layers(std::int64_t layers, std::int64_t width) {
  CompressedNetwork network;
  Graph& graph = network.graph;
  graph.opset = 13;
  graph.inputs = {{"x", ElementType::float32, {1, width}, true}};
  Random random(3, "chain");
  std::string from = "x";
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string weight = "w" + std::to_string(i), to = "y" + std::to_string(i);
    const auto codebook = Codebook::evenly_spaced(0.01F, -7, 15);
    QuantizedTensor tensor{{width, width}, width * width, {codebook}, {}};
    for (std::int64_t j = 0; j < width * width; ++j) {
      const double at = std::clamp(7.0 + 2 * random.normal(), 0.0, 14.0);
      tensor.indices.push_back(static_cast<Index>(at));
    }
    network.tensors.emplace(weight, QuantizedParameter{std::move(tensor), "none", "rans"});
    graph.nodes.push_back({"", "Gemm", {from, weight}, {to}, {{"transB", std::int64_t{1}}}});
    from = to;
  }
  graph.outputs = {{from, ElementType::float32, {1, width}, true}};
  return network;
}

TEST(Session, PacksAFileWithoutHoldingItsIndices) {
  constexpr std::int64_t layers = 6, width = 1024;
  const auto network = chain_of_layers(layers, width);
  const TemporaryFolder folder;
  (void)save(network, folder.path("n.lac"));
  for (const LayerKernels kernels : {LayerKernels::int8, LayerKernels::packed}) {
    Session whole(network, {.kernels = kernels});
    most_held = held.load();
    const std::int64_t before = held;
    Session opened = Session::open(folder.path("n.lac"), {.kernels = kernels});
    // A piece of indices and a window of bytes for each thread, and what little else there is.
    EXPECT_LT(most_held - before, threads() * (std::int64_t{1} << 20) + 200'000);
    EXPECT_LT(most_held - before, layers * width * width);
    EXPECT_EQ(answer(opened, 1), answer(whole, 1));
  }
}

/// What a layer might be packed as.
struct FakePacked {
  struct Kernel {
    std::string_view name;
  };
  Kernel is;
  [[nodiscard]] const Kernel& kernel() const { return is; }
  [[nodiscard]] std::size_t bytes() const { return 100; }
  [[nodiscard]] float weight_error() const { return 0; }
};

TEST(LayerChooser, TakesTheNextWayWhereOnlyTheFirstRowsHoldTheLevels) {
  const Node layer = node("Gemm", {"x", "w"}, "y");
  const Shape shape{4096, 1024};
  QuantizedTensor tensor{shape, 4096 * 1024, {Codebook({-1, 1})}, {}};
  tensor.indices.resize(4096 * 1024);
  const StreamedTensor weights = stream(std::make_shared<const QuantizedTensor>(tensor));
  const auto pack = [](const runtime::Weights& some, Activations activations) {
    if (activations == Activations::int8) return FakePacked{{"int8"}};
    if (std::holds_alternative<DenseTensor>(some)) return FakePacked{{"dense"}};
    if (runtime::shape_of(some)[0] == 4096) throw Error(ErrorCode::invalid_argument, "levels");
    return FakePacked{{"packed"}};
  };
  const auto time = [](const FakePacked& packed) {
    const auto name = packed.kernel().name;
    return std::chrono::nanoseconds(name == "packed" ? 1 : name == "dense" ? 2 : 3);
  };
  const auto make = runtime::choose_layer<FakePacked>(
      {layer, LayerKernels::fastest, shape, true, [&] { return weights; }}, pack, time);
  const auto tried = make()->parts[0].report.tried;
  ASSERT_EQ(tried.size(), 2U);
  EXPECT_EQ(tried[0].kernel, "dense");
  EXPECT_EQ(tried[1].kernel, "int8");
}

TEST(Session, TellsDamageAtLoadEvenIfShapesAreNotKnown) {
  auto network = chain_of_layers(1, 300);
  network.graph.inputs = {{"x", ElementType::float32, {}, false}};
  const TemporaryFolder folder;
  const auto path = folder.path("n.lac");
  auto bytes = pack(network);
  bytes[bytes.size() - 1000] ^= std::byte{1};
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  EXPECT_THAT(error_of([&] { (void)Session::open(path); }, ErrorCode::corrupt_data),
              HasSubstr("tensor \"w0\": its bytes are damaged"));
}

TEST(Arena, NoTwoLivingValuesOverlap) {
  Random random(5, "arena");
  for (int round = 0; round < 200; ++round) {
    std::vector<runtime::Lifetime> values(static_cast<std::size_t>(random.below(12)));
    for (auto& value : values) {
      value.bytes = static_cast<std::size_t>(random.below(500));
      value.first = static_cast<std::size_t>(random.below(8));
      value.last = value.first + static_cast<std::size_t>(random.below(5));
    }
    const auto placed = runtime::place(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(placed.offsets[i] % 64, 0U);
      EXPECT_LE(placed.offsets[i] + values[i].bytes, placed.bytes);
      for (std::size_t k = 0; k < i; ++k) {
        const bool together =
            values[i].first <= values[k].last && values[k].first <= values[i].last;
        const bool apart = placed.offsets[i] + values[i].bytes <= placed.offsets[k] ||
                           placed.offsets[k] + values[k].bytes <= placed.offsets[i];
        EXPECT_TRUE(!together || apart);
      }
    }
  }
}

}  // namespace
}  // namespace laconic
