// The layer-wise recursion for the Gauss-Newton diagonal: second derivatives of the loss in each
// unit go back through the network node by node, by squares of the local derivatives, cross terms
// dropped. One backward pass for any number of classes.

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "curvature/accumulator.h"
#include "curvature/loss.h"
#include "curvature/rules.h"
#include "curvature/samples.h"
#include "curvature/sites.h"

namespace laconic::curvature {

/// Refers to the network; operator() may be called from many threads at once.
class Recursion {
 public:
  /// Throws Error(unsupported_operator) naming the node for a weight of a product that has no rule.
  Recursion(const Network& network, std::vector<Target> targets, Loss loss);

  /// Throws Error(unsupported_operator) naming the node if curvature has to pass one without a
  /// rule.
  [[nodiscard]] BatchSums operator()(const Batch& batch) const;

 private:
  using Values = std::map<std::string, at::Tensor, std::less<>>;
  void step_back(NodePass& pass, Values& curvature, BatchSums& out) const;

  const Network& network_;
  std::vector<Target> targets_;
  Loss loss_;
  std::vector<std::vector<Site>> sites_;        ///< By target; where empty, rules reach it.
  std::vector<std::string> squared_;            ///< Weights of products.
  std::set<std::string, std::less<>> derived_;  ///< Values that are squared weights transposed.
};

}  // namespace laconic::curvature
