// The estimator family: how much does an error in weight i hurt?
//
// An importance is a non-negative number per weight: (an estimate of) the diagonal of the Hessian of
// the mean training loss, so that 1/2 sum_i h_i dw_i^2 predicts the loss increase. Importances are
// on one scale for all tensors: one lambda trades bits between layers.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/network.h"
#include "laconic/progress.h"
#include "laconic/spec.h"

namespace laconic {

/// One entry per weight, by parameter name. Empty vectors or missing names mean all ones.
using ImportanceMap = std::map<std::string, std::vector<float>, std::less<>>;

struct Importance {
  ImportanceMap values;
  /// Relative half-width of the 95 % interval of the sum over each tensor, where the member samples
  /// (hessian, fisher); empty for exact members.
  std::map<std::string, double, std::less<>> interval;
};

/// Immutable. Reads samples from the training part only. Results do not depend on the number of
/// threads; for members that average over samples, nor on how they are batched beyond rounding.
class Estimator {
 public:
  virtual ~Estimator() = default;

  /// Importance of every parameter of role `weight` (all float parameters with option all=true).
  [[nodiscard]] virtual Importance estimate(const Network& network, const Dataset& data,
                                            const ProgressSink& progress = {}) const = 0;
  [[nodiscard]] virtual std::string spec() const = 0;
};

/// All members, in the order of the table in src/curvature/family.cpp.
[[nodiscard]] std::span<const MemberInfo> estimators() noexcept;
[[nodiscard]] std::unique_ptr<Estimator> make_estimator(std::string_view spec);

/// h^power, tensor by tensor scaled back to the mean it had over all tensors together: power 1 is
/// the estimate, 0 is all ones. Raw curvature makes late layers of networks that fit their training
/// data look free; a power of 1/2 tempers that.
[[nodiscard]] ImportanceMap temper(const ImportanceMap& importance, double power);

}  // namespace laconic
