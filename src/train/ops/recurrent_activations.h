// The activations that recurrent operators may name for their gates.

#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "train/ops/call.h"

namespace laconic::ops {

/// An activation with its parameters bound.
struct Activation {
  using Function = at::Tensor (*)(const at::Tensor&, double alpha, double beta);
  Function function = nullptr;
  double alpha = 0;
  double beta = 0;

  at::Tensor operator()(const at::Tensor& x) const { return function(x, alpha, beta); }
};

/// The activations of all directions, `fallback` for each if none are named. Those that have
/// parameters take them one after another from activation_alpha and activation_beta.
[[nodiscard]] std::vector<Activation> read_activations(const Call& call,
                                                       std::span<const std::string_view> fallback,
                                                       std::size_t directions);

}  // namespace laconic::ops
