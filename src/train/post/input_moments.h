// What is known of a layer's inputs, in the float network and in the quantized one.

#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "train/post/linear_layer.h"

namespace laconic {

/// Second moments of the inputs in the quantized network, and the means in both.
struct InputMoments {
  std::int64_t panel = 0;       ///< Columns of a panel, as in LayerProblem.
  std::vector<float> metric;    ///< As LayerProblem::metric.
  at::Tensor mean, float_mean;  ///< [groups, cols], double: of the quantized and the float network.
};

/// Over the samples of all batches, `windows` input windows in all or a few for each sample. The
/// activations of both networks: a tensor for each batch. The same for any number of threads.
[[nodiscard]] InputMoments input_moments(const Graph& graph, const LinearLayer& layer,
                                         std::span<const at::Tensor> float_inputs,
                                         std::span<const at::Tensor> inputs, std::int64_t windows);

}  // namespace laconic
