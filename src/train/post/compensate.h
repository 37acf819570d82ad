// Assigning a layer's weights to levels so that the errors of one weight are made up for by the
// others: in the metric of the layer's inputs, with a price on bits.
//
// The mean squared error of a linear layer's outputs is sum over rows of e H e^T, e the row's
// weight errors and H the second moment of the inputs. Columns are quantized one after another,
// each row's remaining weights moved to the optimum given what is fixed (Hassibi & Stork's optimal
// brain surgeon; GPTQ, arXiv 2210.17323); then single assignments are revisited, until next to none
// lowers
//
//     sum_rows e H e^T  +  lambda * bits(indices).
//
// No LibTorch in this interface.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

/// A layer's weights as a matrix, and the metric of its inputs.
struct LayerProblem {
  std::int64_t rows = 0;          ///< Output channels.
  std::int64_t cols = 0;          ///< Weights of one: input channels of the group x kernel extents.
  std::int64_t groups = 1;        ///< Rows r with the same r / (rows / groups) share a metric.
  std::span<const float> target;  ///< rows x cols: what the weights should be.
  /// groups x panels x width x width, symmetric, positive semidefinite; what lies beyond the last
  /// column is not looked at.
  std::span<const float> metric;
  /// Columns of a panel, 0 for all of them: inputs of different panels count as uncorrelated, so
  /// that memory and time of wide layers grow with their weights, not with the square of columns.
  std::int64_t panel = 0;

  [[nodiscard]] std::int64_t width() const noexcept { return panel > 0 ? panel : cols; }
  [[nodiscard]] std::int64_t panels() const noexcept { return (cols + width() - 1) / width(); }
};

/// Of column j for the rows of a group: the mean square of its input.
[[nodiscard]] float metric_diagonal(const LayerProblem& problem, std::int64_t group,
                                    std::int64_t j);

/// Mean over the columns of their inputs' mean squares.
[[nodiscard]] double mean_diagonal(const LayerProblem& problem);

/// Factors of the metric, made once and used for many steps and lambdas. Damping adds a share of
/// the mean diagonal to the diagonal: inputs that were never active then keep their weights' scale.
struct LayerFactors {
  /// Laid out as the metric, upper triangular: the Cholesky factor U of the inverse, inverse = U^T
  /// U.
  std::vector<float> upper;

  /// Mean over columns of the pivots 1 / U_jj^2: the curvature that sequential quantization meets.
  double mean_pivot = 0;
};

[[nodiscard]] LayerFactors factorize(const LayerProblem& problem, double damping);

struct CompensateOptions {
  double lambda = 0;        ///< Of the objective above, per bit.
  bool compensate = true;   ///< Without: each weight by itself, at its own curvature.
  int sweeps = 4;           ///< Of single reassignments, at most; fewer once 0.1 % change.
  int passes = 2;           ///< On the trellis, each at the frequencies that the one before left.
  bool keep_zeros = false;  ///< Weights whose target is exactly zero stay there, as after pruning.
};

/// Fills the indices of `tensor`, whose codebooks and block_size are given; its shape has `rows` as
/// its first extent. Bits are those of an ideal code for the indices' own frequencies (aligned on
/// the level 0), re-estimated between passes. The same result for any number of threads. Throws
/// Error(interrupted) where it compensates.
void compensate(const LayerProblem& problem, const LayerFactors& factors,
                const CompensateOptions& options, QuantizedTensor& tensor);

/// sum_rows e H e^T of a tensor's errors.
[[nodiscard]] double output_error(const LayerProblem& problem, std::span<const float> weights);

}  // namespace laconic
