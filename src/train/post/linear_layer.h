// The linear layers of a network, as matrices: what compensation and sensitivity look at.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "laconic/graph.h"

namespace at {
class Tensor;
}

namespace laconic {

/// A weight that a Conv, Gemm or MatMul multiplies with activations.
struct LinearLayer {
  std::string weight;     ///< Name of the parameter; its axis 0 is the output channel.
  std::size_t node = 0;   ///< The node that multiplies.
  std::size_t input = 0;  ///< Which of its inputs the activations are.
  std::int64_t rows = 0, cols = 0, groups = 1;  ///< As in LayerProblem.
};

/// All weights of that kind that one node alone reads, in the order of the nodes. Convolutions of
/// more than two dimensions, transposed ones, recurrent weights and embeddings are not among them.
[[nodiscard]] std::vector<LinearLayer> linear_layers(const Graph& graph);

/// The activations that a layer's weights meet, as a [groups, positions, cols] tensor: a row for
/// each output position of each sample, all of them or at most `limit`, evenly spread.
[[nodiscard]] at::Tensor input_windows(const Graph& graph, const LinearLayer& layer,
                                       const at::Tensor& activations, std::int64_t limit);

}  // namespace laconic
