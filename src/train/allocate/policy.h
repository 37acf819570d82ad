// A policy over sequences of choices: a bidirectional LSTM with a softmax for each tensor.

#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "laconic/random.h"

namespace laconic {

/// On the CPU, in single precision, computed on the calling thread alone.
class Policy {
 public:
  /// `features`: [tensors, features]. `prior`: [tensors, actions], added to what the network says
  /// before the softmax; -infinity where a tensor has no such choice. Initial parameters are drawn
  /// from `random`.
  Policy(at::Tensor features, at::Tensor prior, std::int64_t hidden, Random& random);

  /// Logarithms of the choices' probabilities, [tensors, actions]; -infinity for those not allowed.
  [[nodiscard]] at::Tensor log_probabilities() const;

  /// By name, leaf tensors that require gradients.
  [[nodiscard]] const std::map<std::string, at::Tensor, std::less<>>& parameters() const noexcept {
    return parameters_;
  }

 private:
  at::Tensor features_, prior_;
  std::int64_t hidden_;
  std::map<std::string, at::Tensor, std::less<>> parameters_;
};

}  // namespace laconic
