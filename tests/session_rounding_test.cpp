// What rounding activations does to layers, against the rule of docs/kernels.md in double.

#include <gmock/gmock.h>

#include "kernel_samples.h"
#include "laconic/layer_rounding.h"
#include "session_graphs.h"

namespace laconic {
namespace {

using namespace session_graphs;

TEST(LayerRounding, IsWhatRoundedInputsChange) {
  const std::int64_t in = 40, out = 5;
  CompressedNetwork network;
  network.graph.inputs = {{"x", ElementType::float32, {1, in}}};
  network.graph.outputs = {{"y", ElementType::float32, {1, out}}};
  network.graph.nodes = {node("Gemm", {"x", "w"}, "y", {{"transB", std::int64_t{1}}})};
  Random random(1);
  const auto weights =
      testing::random_tensor(random, {out, in}, in, testing::Levels::even, 9, true);
  network.tensors.emplace("w", QuantizedParameter{weights, "none", "auto"});
  const auto x = testing::random_floats(random, in, 1);
  const Shape shape = {1, in};
  const TensorView view(shape, x);

  const auto w = dequantize(weights);
  const auto rounded = testing::round_values(x);
  double difference = 0, size = 0;
  for (std::size_t o = 0; o < 5; ++o) {
    testing::Sum exact, had;
    for (std::size_t i = 0; i < x.size(); ++i) {
      exact.add(w[o * x.size() + i], x[i]);
      had.add(w[o * x.size() + i], rounded.values[i]);
    }
    difference += (had.value - exact.value) * (had.value - exact.value);
    size += exact.value * exact.value;
  }
  const auto found = rounding_of_layers(network, {&view, 1});
  ASSERT_EQ(found.size(), 1);
  EXPECT_THAT(found[0].kernel, ::testing::HasSubstr("bits4_int8"));
  EXPECT_NEAR(found[0].error, std::sqrt(difference / size), 1e-3 * found[0].error);
}

TEST(LayerRounding, IsOfEveryLayerBehindOthers) {
  const auto network = quantized(residual_classifier(), "uniform:levels=15,value=midpoint");
  const Shape shape = {2, 3, 8, 8};
  const auto x = random_values(element_count(shape), 11);
  const TensorView view(shape, x);
  const auto found = rounding_of_layers(network, {&view, 1});
  ASSERT_EQ(found.size(), 3);
  for (const auto& layer : found) {
    SCOPED_TRACE(layer.node);
    EXPECT_GT(layer.error, 0);
    EXPECT_LT(layer.error, 0.02);
  }
}

TEST(LayerRounding, TakesNetworksWithoutQuantizedLayers) {
  auto network = quantized(residual_classifier(), "uniform:levels=15");
  for (auto& [name, parameter] : network.tensors) {
    const auto shape = shape_of(parameter.tensor);
    parameter = {DenseTensor{shape, dequantize(parameter.tensor)}, "", "auto"};
  }
  const Shape shape = {1, 3, 8, 8};
  const auto x = random_values(element_count(shape), 11);
  const TensorView view(shape, x);
  EXPECT_THAT(rounding_of_layers(network, {&view, 1}), ::testing::IsEmpty());
}

}  // namespace
}  // namespace laconic
