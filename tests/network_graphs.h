// Small graphs for the network's tests.

#pragma once

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "laconic/graph.h"
#include "laconic/random.h"
#include "train/network/tensors.h"

namespace laconic {

inline Constant floats(Shape shape, const std::vector<float>& values) {
  return Constant::of(std::move(shape), std::span<const float>(values));
}

inline Constant integers(const std::vector<std::int64_t>& values) {
  return Constant::of({static_cast<std::int64_t>(values.size())},
                      std::span<const std::int64_t>(values));
}

/// Normal random numbers that depend on the seed alone.
inline Constant random_floats(Shape shape, std::uint64_t seed) {
  const at::Tensor values = at::empty(shape, at::kFloat);
  auto random = Random(seed, "test");
  auto* data = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) data[i] = static_cast<float>(random.normal());
  return Constant::of(std::move(shape),
                      std::span<const float>(data, static_cast<std::size_t>(values.numel())));
}

inline at::Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  return to_tensor(random_floats(shape, seed));
}

inline Node node(std::string op, std::vector<std::string> inputs, std::vector<std::string> outputs,
                 std::map<std::string, Attribute, std::less<>> attributes = {}) {
  return {outputs.front() + "_node", std::move(op), std::move(inputs), std::move(outputs),
          std::move(attributes)};
}

/// Images of 2 x 6 x 6 to three numbers, through a residual block: convolution, normalisation,
/// activation, sum, pool, product.
inline Graph small_classifier(std::int64_t batch = -1) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {batch, 2, 6, 6}}};
  graph.outputs = {{"y", ElementType::float32, {batch, 3}}};
  graph.nodes = {
      node("Conv", {"x", "w1", "b1"}, {"a"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}),
      node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, {"n"}),
      node("Relu", {"n"}, {"r"}),
      node("Conv", {"r", "w2"}, {"c"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}),
      node("Add", {"c", "r"}, {"s"}),
      node("Relu", {"s"}, {"t"}),
      node("GlobalAveragePool", {"t"}, {"p"}),
      node("Flatten", {"p"}, {"f"}),
      node("Gemm", {"f", "w3", "b3"}, {"y"}, {{"transB", std::int64_t{1}}}),
  };
  graph.constants = {
      {"w1", random_floats({4, 2, 3, 3}, 1)}, {"b1", random_floats({4}, 2)},
      {"scale", random_floats({4}, 3)},       {"shift", random_floats({4}, 4)},
      {"mean", random_floats({4}, 5)},        {"variance", floats({4}, {1, 2, 3, 4})},
      {"w2", random_floats({4, 4, 3, 3}, 6)}, {"w3", random_floats({3, 4}, 7)},
      {"b3", random_floats({3}, 8)}};
  return graph;
}

}  // namespace laconic
