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

#include "curvature/readers.h"
#include "laconic/graph.h"

namespace laconic::curvature {

/// A parameter that importance is estimated for.
struct Target {
  ParameterInfo info;
  Shape shape;
};

/// What a layer saw in one run: its inputs (the first of which has a row per sample, as has the
/// output), and tensors of its output's shape, one for each column that was sent back.
struct LayerPass {
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> outputs;
};

/// One target in one of the nodes that read it. Refers to the graph.
class Site {
 public:
  /// None if the gradient has no such form in that node.
  [[nodiscard]] static std::optional<Site> find(const Graph& graph, const Target& target,
                                                const Reader& reader);

  [[nodiscard]] const Node& node() const noexcept { return *reader_.node; }

  /// [samples, g, k, l] for `count` samples from `begin` on.
  [[nodiscard]] at::Tensor factor_in(const LayerPass& pass, std::int64_t begin,
                                     std::int64_t count) const;

  /// [columns, samples, g, o, l]
  [[nodiscard]] at::Tensor factor_out(const LayerPass& pass, std::int64_t begin,
                                      std::int64_t count) const;

  /// From [rows, g, o, k] to [rows, parameter's shape...].
  [[nodiscard]] at::Tensor to_parameter(const at::Tensor& values) const;

  [[nodiscard]] std::int64_t parameter_size() const { return element_count(shape_); }

  /// Elements of the larger factor, for each sample.
  [[nodiscard]] std::int64_t factor_size(const LayerPass& pass) const;

  /// Whether the pass has no more than one position.
  [[nodiscard]] bool one_position(const LayerPass& pass) const;

 private:
  enum class Kind {
    conv_weight,
    transposed_conv_weight,
    matrix,
    bias,
    norm_scale,
    norm_bias,
    norm_mean,
    norm_variance,
  };
  Site(Kind kind, const Reader& reader, const Shape& parameter);

  /// [samples, g, channels / g * places under the kernel, positions]
  [[nodiscard]] at::Tensor unfold(const at::Tensor& x, at::IntArrayRef positions) const;
  [[nodiscard]] at::Tensor norm_factor(const LayerPass& pass, const at::Tensor& x) const;

  Kind kind_;
  Reader reader_;
  Shape shape_;  ///< Of the parameter as the node reads it.
  std::int64_t groups_ = 1;
  bool inputs_first_ = false;  ///< The node reads its matrix as [in, out].
  double scale_ = 1;           ///< Gemm's alpha or beta.
};

/// The sites of a target, one for each reader; none if one of them has no such form.
[[nodiscard]] std::vector<Site> sites_of(const Graph& graph, const Target& target);

/// Sum over samples and columns of squared gradients, and each sample's sum over the parameter.
struct SquaredGradients {
  at::Tensor sums;    ///< Of the parameter's shape.
  at::Tensor totals;  ///< [samples]
};

/// Gradients of one target, which are sums over its sites; `passes` has one for each.
[[nodiscard]] SquaredGradients squared_gradients(std::span<const Site> sites,
                                                 std::span<const LayerPass* const> passes);

/// sum over samples and positions of out * in^2, of the parameter's shape: a layer's step of the
/// recursion, for a pass of one column.
[[nodiscard]] at::Tensor curvature_sums(const Site& site, const LayerPass& pass);

}  // namespace laconic::curvature
