// From sums over batches to an importance: sums in double, the interval of what was drawn, and the
// checks and the floor that all members share.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "curvature/samples.h"
#include "curvature/sites.h"
#include "laconic/importance.h"

namespace laconic::curvature {

/// The parameters to estimate for: those of role weight, or all.
[[nodiscard]] std::vector<Target> targets_of(const Network& network, bool all);

using Overrides = std::map<std::string, at::Tensor, std::less<>>;

/// All parameters, detached: runs use these, so that gradients of the network's own stay untouched.
[[nodiscard]] Overrides detached_parameters(const Network& network);

/// Makes the targets among `parameters` leaves that require gradients; returns them in order.
[[nodiscard]] std::vector<at::Tensor> make_leaves(Overrides& parameters,
                                                  const std::vector<Target>& targets);

class Accumulator {
 public:
  explicit Accumulator(std::vector<Target> targets);

  /// value <- keep * value + gain * sums, in double.
  void add(const BatchSums& batch, double keep = 1, double gain = 1);

  /// The importance (value * factor)^power; entries below zero count as zero. Throws
  /// Error(invalid_data) naming the target if an entry is NaN or infinite. To be called once: frees
  /// its sums as it goes.
  [[nodiscard]] Importance finish(double factor, double floor, double power = 1);

 private:
  /// Mean and squared deviations of draws that come one after another (Welford).
  struct Draws {
    std::int64_t count = 0;
    double mean = 0;
    double deviations = 0;
  };

  std::vector<Target> targets_;
  std::vector<std::vector<double>> values_;
  std::vector<Draws> draws_;
};

/// Raises every entry to at least floor times the mean over all tensors, so that no cluster of
/// weights is without importance; all ones if the mean is zero.
void apply_floor(ImportanceMap& importance, double floor);

}  // namespace laconic::curvature
