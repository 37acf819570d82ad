// The nodes that use a parameter. Importers put Transpose between a matrix and the node that it
// multiplies in, so that output channels come first: such nodes are looked through.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "laconic/graph.h"

namespace laconic::curvature {

struct Reader {
  const Node* node = nullptr;
  std::size_t input = 0;           ///< Which of its inputs.
  std::vector<std::int64_t> axes;  ///< That input is the parameter with its axes in this order.
};

struct Readers {
  std::vector<Reader> nodes;            ///< In the order of the graph, none of them Transpose.
  std::vector<std::string> transposed;  ///< Values that are the parameter with other axes.
};

/// Refers to the graph.
[[nodiscard]] Readers readers_of(const Graph& graph, const std::string& parameter);

}  // namespace laconic::curvature
