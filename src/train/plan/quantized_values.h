// What tensors become at the choices of a damage table, each computed once.

#pragma once

#include <span>
#include <vector>

#include "laconic/damage.h"
#include "laconic/network.h"

namespace laconic {

/// Not safe to share between threads. Network and table must outlive it.
class QuantizedValues {
 public:
  QuantizedValues(const Network& network, std::span<const TensorChoices> table, ChoiceKind kind);

  /// Of tensor `t` of the table at its choice `c`.
  [[nodiscard]] const at::Tensor& of(std::size_t t, std::size_t c);

 private:
  const Network& network_;
  std::span<const TensorChoices> table_;
  std::vector<float> pinned_;
  std::vector<std::vector<at::Tensor>> values_;
};

}  // namespace laconic
