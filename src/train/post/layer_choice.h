// How one weight is to be quantized in a pass, and the codebooks that follow from it.

#pragma once

#include <optional>
#include <span>
#include <string>

#include "laconic/quantizer.h"

namespace laconic {

struct LayerChoice {
  /// Spec. A bare name leaves what decides its levels to the step of the pass, by the table in
  /// layer_choice.cpp: their distance, their number, or lambda.
  std::string quantizer = "uniform";
  double scale = 1;  ///< Of PassOptions::step, for this weight.
  Granularity granularity = {};
  Zeros zeros = Zeros::free;
  std::string coder = "auto";
  std::vector<float> importance;     ///< One entry per weight; empty: all ones.
  std::optional<Codebook> codebook;  ///< Given beforehand, shared with other weights.
};

/// Whether levels are even steps of the pass, and say so by themselves.
[[nodiscard]] bool has_even_levels(const LayerChoice& choice) noexcept;

/// The spec that a choice comes to at a step in units of the weights: of members with levels by
/// number, as many as do the damage of that step on normal weights; with `entropy_constrained`, the
/// lambda that is worth a bit there.
[[nodiscard]] std::string spec_at(const LayerChoice& choice, double step,
                                  std::span<const float> weights);

/// Codebooks for weights of that shape, each weight at a level (the nearest, unless the member
/// prices bits). Per channel or group, even steps are as wide as the block's weights call for: the
/// root of its share in the layer's root mean square.
[[nodiscard]] QuantizedTensor first_levels(const LayerChoice& choice, double step,
                                           const Shape& shape, std::span<const float> weights);

}  // namespace laconic
