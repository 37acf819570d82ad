// How every weight is to be quantized at a base step: from what was measured of the network, the
// plan, and the choices that were forced.

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "laconic/compress.h"
#include "laconic/importance.h"
#include "laconic/network.h"
#include "train/post/post_pass.h"

namespace laconic {

using LayerChoices = std::map<std::string, LayerChoice, std::less<>>;

/// The quantizer of weights that no plan names.
[[nodiscard]] std::string usual_quantizer(const CompressOptions& options);

class Choices {
 public:
  /// Measures sensitivities on `probes`, or runs the estimator that was asked for. Throws
  /// Error(invalid_argument) naming a plan's row that matches no weight.
  Choices(const Network& network, const Dataset& data, const CompressOptions& options,
          const Batches& probes, const ProgressSink& progress);

  /// A choice for every weight that is quantized. Steps count in root mean squares of weights.
  [[nodiscard]] LayerChoices at(double step) const;

  /// The weights whose zeros stay zero.
  [[nodiscard]] std::set<std::string> pruned() const;

 private:
  void set_steps(const std::map<std::string, double, std::less<>>& damages);
  void share_codebooks(LayerChoices& choices, double step) const;
  void allocate(LayerChoices& choices, double step) const;

  const Network& network_;
  const CompressOptions& options_;
  LayerChoices choices_;
  /// Damage per squared error of a weight, tempered.
  std::map<std::string, double, std::less<>> damages_;
};

}  // namespace laconic
