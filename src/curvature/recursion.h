// The layer-wise recursion for the Gauss-Newton diagonal: second derivatives of the loss in each
// unit go back through the network node by node, by squares of the local derivatives, cross terms
// dropped. One backward pass for any number of classes.

#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "curvature/accumulator.h"
#include "curvature/loss.h"
#include "curvature/samples.h"
#include "curvature/sites.h"

namespace laconic::curvature {

/// Refers to the network; operator() may be called from many threads at once.
class Recursion {
 public:
  /// Throws Error(unsupported_operator) naming the node for a weight that several nodes read.
  Recursion(const Network& network, std::vector<Target> targets, Loss loss);

  /// Throws Error(unsupported_operator) naming the node if curvature has to pass one without a
  /// rule.
  [[nodiscard]] BatchSums operator()(const Batch& batch) const;

 private:
  const Network& network_;
  std::vector<Target> targets_;
  Loss loss_;
  std::vector<std::optional<Site>> sites_;      ///< One per target; without one, rules reach it.
  std::set<std::string, std::less<>> squared_;  ///< Weights of linear nodes.
};

}  // namespace laconic::curvature
