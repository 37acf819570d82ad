// How second derivatives pass one node: curvature of an input = (squared local derivatives)'
// times curvature of the output, by kind of node.

#pragma once

#include <torch/types.h>

#include <string_view>
#include <vector>

#include "laconic/graph.h"

namespace laconic::curvature {

/// A node in a run whose values were cut apart: gradients of `outputs` in `inputs` are the node's
/// own. Weights of linear nodes were squared.
struct NodePass {
  const Node* node = nullptr;
  std::vector<at::Tensor> inputs;  ///< Those that require gradients want curvature.
  std::vector<at::Tensor> outputs;
  std::vector<at::Tensor> curvature;  ///< Of the outputs; undefined where the loss does not reach.

  /// Whether some input wants curvature and some output has it.
  [[nodiscard]] bool passes() const;
};

/// Whether products of this operator, Conv or Gemm for instance, have their rule stated with
/// squared weights.
[[nodiscard]] bool is_linear(std::string_view op) noexcept;

/// The curvature of each input that wants it, undefined for others; for an input that occurs twice,
/// with its first occurrence. Throws Error(unsupported_operator) naming the node if its kind has no
/// rule, or none for that input.
[[nodiscard]] std::vector<at::Tensor> curvature_of_inputs(const NodePass& pass);

}  // namespace laconic::curvature
