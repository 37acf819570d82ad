// Where parameters meet data, in one form for all kinds of layers: the gradient of sample n's loss
// with respect to a parameter is a sum over positions l of products,
//
//     G_n[g, o, k] = sum_l  out_n[g, o, l] * in_n[g, k, l],
//
// of the gradient that came back to the layer (out) and what went into it (in). For a convolution g
// are groups, o output channels, k places under the kernel, l output positions. This gives squares
// of per-sample gradients, and squared factors give the layer-wise recursion, without running
// samples one by one.

#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "laconic/graph.h"

namespace laconic::curvature {

/// A parameter that importance is estimated for.
struct Target {
  ParameterInfo info;
  Shape shape;
};

/// What a layer saw in one run: its inputs (the first of which has a row per sample, as has the
/// output), and tensors of its output's shape: gradients, one for each column.
struct LayerPass {
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> outputs;
};

/// Sum over samples of squared per-sample gradients, and each sample's sum over the parameter.
struct SquaredGradients {
  at::Tensor sums;    ///< Of the parameter's shape.
  at::Tensor totals;  ///< [samples]
};

/// One target in the one node that reads it. Refers to the graph.
class Site {
 public:
  /// None for parameters that several nodes read, or whose gradient has no such form.
  [[nodiscard]] static std::optional<Site> find(const Graph& graph, const Target& target);

  [[nodiscard]] const Node& node() const noexcept { return *node_; }

  /// Squares are summed over the pass's columns too.
  [[nodiscard]] SquaredGradients squared_gradients(const LayerPass& pass) const;

  /// sum over samples and positions of out * in^2, of the parameter's shape: a layer's step of the
  /// recursion, for a pass of one column.
  [[nodiscard]] at::Tensor curvature(const LayerPass& pass) const;

 private:
  enum class Kind { conv_weight, matrix, bias, norm_scale, norm_mean, norm_variance, norm_bias };
  Site(Kind kind, const Node& node, Shape shape)
      : kind_(kind), node_(&node), shape_(std::move(shape)) {}

  /// Samples to take at once, so that factors and gradients stay within some megabytes.
  [[nodiscard]] std::int64_t samples_at_once(const LayerPass& pass) const;
  /// [samples, g, k, l] for `count` samples from `begin` on.
  [[nodiscard]] at::Tensor factor_in(const LayerPass& pass, std::int64_t begin,
                                     std::int64_t count) const;
  /// [samples, g, o, l]
  [[nodiscard]] at::Tensor factor_out(const at::Tensor& output, std::int64_t begin,
                                      std::int64_t count) const;
  /// From [g, o, k] to the parameter's shape.
  [[nodiscard]] at::Tensor to_parameter(const at::Tensor& value) const;

  Kind kind_;
  const Node* node_;
  Shape shape_;  ///< Of the parameter.
  std::int64_t groups_ = 1;
  bool transposed_ = false;  ///< A matrix that is stored [in, out].
  double scale_ = 1;         ///< Gemm's alpha or beta.
};

}  // namespace laconic::curvature
