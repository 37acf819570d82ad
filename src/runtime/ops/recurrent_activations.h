// The activations that recurrent operators may name for their gates.

#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "runtime/operator.h"

namespace laconic::runtime {

/// An activation with its parameters bound.
struct Activation {
  float (*function)(float, float alpha, float beta) = nullptr;
  float alpha = 0;
  float beta = 0;

  float operator()(float x) const { return function(x, alpha, beta); }
};

/// The activations of all directions, `fallback` for each if none are named. Those that have
/// parameters take them one after another from activation_alpha and activation_beta.
[[nodiscard]] std::vector<Activation> read_activations(const Call& call,
                                                       std::span<const std::string_view> fallback,
                                                       std::size_t directions);

}  // namespace laconic::runtime
