// Sums over samples of squared per-sample gradients: what Fisher information and the exact
// Gauss-Newton diagonal are made of.

#pragma once

#include <functional>
#include <vector>

#include "curvature/accumulator.h"
#include "curvature/loss.h"
#include "curvature/samples.h"
#include "curvature/sites.h"

namespace laconic::curvature {

/// From a batch's scores, the vectors to send back: [columns, samples, classes].
using Columns = std::function<at::Tensor(const at::Tensor& scores, const Batch& batch)>;

/// For each target w:  sum over samples n and columns c of  (d <column_cn, scores_n> / dw)^2.
///
/// Targets that all their readers have a Site for are handled a batch at a time; the others, such
/// as recurrent weights, sample by sample. Refers to the network; operator() may be called from
/// many threads at once.
class PerSampleSquares {
 public:
  PerSampleSquares(const Network& network, const Samples& samples, std::vector<Target> targets,
                   Loss loss, Columns columns);

  [[nodiscard]] BatchSums operator()(const Batch& batch) const;

 private:
  void add_batch(const Batch& batch, BatchSums& sums) const;
  void add_alone(const Batch& batch, BatchSums& sums) const;
  void keep_sites_with_rows_of_samples(const Samples& samples);

  const Network& network_;
  std::vector<Target> targets_;
  Loss loss_;
  Columns columns_;
  std::vector<std::vector<Site>> sites_;  ///< By target.
  std::vector<std::size_t> alone_;        ///< Targets without sites.
};

}  // namespace laconic::curvature
