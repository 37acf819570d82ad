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
  /// Relative half-width of the 95 % interval of the sum over each tensor, where the member draws
  /// at random (hessian, fisher, gauss_newton:mode=sampled); empty for others.
  std::map<std::string, double, std::less<>> interval;
};

/// Immutable. Reads samples from the training part only. Results do not depend on the number of
/// threads; nor, beyond rounding, on how samples are batched, but for `hessian` and `adam`, whose
/// batches are part of the estimate: samples that share probes, or a gradient.
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

/// What the member `adam` makes of the second moments that a training run has kept, by parameter
/// name: their power (1/2 is the paper's root), raised to at least `floor` times the mean over all.
/// A factor common to all, such as Adam's bias correction, changes nothing that matters. Throws
/// Error(invalid_data) naming the parameter for a negative, infinite or NaN moment.
[[nodiscard]] ImportanceMap importance_from_moments(const ImportanceMap& second_moments,
                                                    double power = 0.5, double floor = 1e-3);

/// h^power for a power in 0..1, times one factor for all tensors that restores their common mean:
/// power 1 is the estimate, power 0 weighs all alike. Raw curvature makes late layers of networks
/// that fit their training data look free; a power of 1/2 tempers that. Empty vectors stay empty.
/// Throws Error(invalid_argument) for another power and for entries that are no importance.
[[nodiscard]] ImportanceMap temper(const ImportanceMap& importance, double power);

}  // namespace laconic
