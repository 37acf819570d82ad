// Levels that learn: what TTQ does with the scales of its ternary weights, for any codebook.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "laconic/method.h"

namespace laconic {

/// The levels of one tensor. A quantizer fits the first ones and says from step to step which
/// weight takes which; from then on each level but zero follows Adam on the sum of its weights'
/// gradients.
class TrainedLevels {
 public:
  /// Takes the place of the tensor's levels, or takes them up the first time. A block whose
  /// codebook has come to have fewer or more levels keeps the fitted ones for the step.
  void apply(QuantizedTensor& tensor);

  /// One step from the gradient at the quantized weights. Levels that would pass each other stay.
  void step(const QuantizedTensor& tensor, std::span<const float> gradient, double rate);

  /// Multiplies the gradient that the shadows get by the magnitude of each weight's level, 1 at
  /// zero.
  static void scale(const QuantizedTensor& tensor, std::span<float> gradient);

  void keep(const std::string& name, MethodState& state) const;
  /// Throws Error(corrupt_data) if what was kept does not fit.
  void take_up(const MethodState& state, const std::string& name);

 private:
  struct Level {
    float value = 0, mean = 0, square = 0;
  };
  std::vector<std::vector<Level>> blocks_;
  std::int64_t steps_ = 0;
};

}  // namespace laconic
