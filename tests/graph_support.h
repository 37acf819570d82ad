// Small graphs for tests.

#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "laconic/graph.h"

namespace laconic {

inline Constant floats(Shape shape, const std::vector<float>& values) {
  return Constant::of(std::move(shape), std::span<const float>(values));
}

inline Constant integers(Shape shape, const std::vector<std::int64_t>& values) {
  return Constant::of(std::move(shape), std::span<const std::int64_t>(values));
}

/// x [-1, 2] -> Gemm (2x2) -> Relu -> y.
inline Graph small_graph() {
  Graph graph;
  graph.name = "small";
  graph.inputs = {{"x", ElementType::float32, {-1, 2}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 2}}};
  graph.constants.emplace("fc.weight", floats({2, 2}, {1, 2, 3, 4}));
  graph.constants.emplace("fc.bias", floats({2}, {0.5f, -0.5f}));
  graph.nodes = {
      {"fc", "Gemm", {"x", "fc.weight", "fc.bias"}, {"h"}, {{"transB", std::int64_t{1}}}},
      {"relu", "Relu", {"h"}, {"y"}, {}}};
  return graph;
}

}  // namespace laconic
