// The activations that recurrent operators may name for their gates.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/operator.h"

namespace laconic::runtime {

/// An activation with its parameters bound: a function that kernels have, or one of a single value.
struct Activation {
  std::optional<Nonlinearity::Kind> kind;
  float (*function)(float, float alpha, float beta) = nullptr;
  float alpha = 0;
  float beta = 0;
  NonlinearityCode code = nullptr;  ///< Where there is a kind.

  /// Makes of each value what it is activated to.
  void apply(float* values, std::int64_t count) const;
};

/// The activations of all directions, `fallback` for each if none are named. Those that have
/// parameters take them one after another from activation_alpha and activation_beta.
[[nodiscard]] std::vector<Activation> read_activations(const Call& call,
                                                       std::span<const std::string_view> fallback,
                                                       std::size_t directions);

}  // namespace laconic::runtime
