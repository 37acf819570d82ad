// The loss that importance is measured on, as a function of the network's scores: what comes back
// from it, and its curvature.
//
// Cross-entropy of logits z with p = softmax(z) has the Hessian diag(p) - p p', and squared error
// 1/2 |z - onehot|^2 has the identity. Everything here is per sample, without the mean's 1/n.

#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "curvature/samples.h"
#include "laconic/network.h"

namespace laconic::curvature {

enum class Loss { cross_entropy, squared };

/// The option `loss`.
[[nodiscard]] Loss loss_of(const Options& options);

/// Name of the value that holds the scores: the graph's first output or, for cross-entropy of a
/// network that ends in Softmax or LogSoftmax, what goes into that.
[[nodiscard]] const std::string& score_value(const Graph& graph, Loss loss);

/// Runs the network up to its scores, [samples, classes]; hooks in `options` are called too. Throws
/// Error(invalid_data) if a score is NaN or infinite.
[[nodiscard]] at::Tensor run_scores(const Network& network, Loss loss, const at::Tensor& x,
                                    const RunOptions& options);

/// Sum of the batch's losses; differentiable.
[[nodiscard]] at::Tensor summed_loss(Loss loss, const at::Tensor& scores, const Batch& batch);

/// The loss's gradient in the scores, [samples, classes]: by the data's labels,
[[nodiscard]] at::Tensor residual(Loss loss, const at::Tensor& scores, const Batch& batch);

/// and by one label for each sample that is drawn from the model itself (a normal vector around the
/// scores for squared error).
[[nodiscard]] at::Tensor drawn_residual(Loss loss, const at::Tensor& scores, const Batch& batch,
                                        std::uint64_t seed);

/// A factor R of the loss's Hessian R R' in the scores, [classes, samples, classes]: column c of R
/// is sqrt(p_c) (e_c - p), or e_c for squared error.
[[nodiscard]] at::Tensor hessian_factor(Loss loss, const at::Tensor& scores);

/// R times a vector of random signs for each sample, [samples, classes]: its outer product is the
/// Hessian in mean.
[[nodiscard]] at::Tensor signed_factor(Loss loss, const at::Tensor& scores, const Batch& batch,
                                       std::uint64_t seed);

/// The diagonal of the loss's Hessian in the scores: p (1 - p), or 1.
[[nodiscard]] at::Tensor hessian_diagonal(Loss loss, const at::Tensor& scores);

}  // namespace laconic::curvature
