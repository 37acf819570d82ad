// Scales that learn: what TTQ does with the two of its ternary weights, for any pattern.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "laconic/method.h"

namespace laconic {

/// The scales of one tensor's blocks: one for both signs, or one for each. A quantizer fits the
/// first ones and says from step to step which weight takes which level of its pattern; from then
/// on each scale follows Adam on the derivative by it: the sum, over its weights, of the gradient
/// times the level at scale one.
class TrainedScales {
 public:
  TrainedScales() = default;
  explicit TrainedScales(bool two_signs) : two_signs_(two_signs) {}

  /// Puts the scales in the place of the fitted ones, or takes these up the first time that a block
  /// has a level of that sign. Codebooks hold the whole pattern (Prior::whole_pattern).
  void apply(QuantizedTensor& tensor);

  /// One step from the gradient at the quantized weights. A scale stays positive.
  void step(const QuantizedTensor& tensor, std::span<const float> gradient, double rate);

  /// Multiplies the gradient that the shadows get by the scale of each weight, 1 at zero.
  void multiply(const QuantizedTensor& tensor, std::span<float> gradient) const;

  void keep(const std::string& name, MethodState& state) const;
  /// Throws Error(corrupt_data) if what was kept does not fit.
  void take_up(const MethodState& state, const std::string& name);

 private:
  struct Scale {
    float value = 0;  ///< Magnitude of the sign's largest level; 0: there was none yet.
    float mean = 0, square = 0;
  };
  [[nodiscard]] std::size_t place_of(float level) const { return two_signs_ && level < 0 ? 1 : 0; }

  bool two_signs_ = false;
  std::vector<std::array<Scale, 2>> blocks_;  ///< Of both or of levels above zero; of those below.
  std::int64_t steps_ = 0;
};

}  // namespace laconic
