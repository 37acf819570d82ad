// The optimizer family: what becomes of parameters, given their gradients. LibTorch's own do the
// work; what is here gives them specs, a state that can be stored, and access to that state by
// name.

#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "laconic/spec.h"

namespace at {
class Tensor;
}

namespace laconic {

/// Tensors by name.
using TensorMap = std::map<std::string, at::Tensor, std::less<>>;

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// To be called once, first. The tensors are changed in place from then on. `weight_decay` times
  /// a parameter is added to its gradient. `rates` are factors on the learning rate, by parameter;
  /// 1 for those that it does not name.
  virtual void begin(const TensorMap& parameters, double weight_decay,
                     const std::map<std::string, double, std::less<>>& rates = {}) = 0;

  /// One step on every parameter from its grad(), at `factor` times the spec's learning rate. The
  /// result does not depend on the number of threads.
  virtual void step(double factor) = 0;

  /// The learning rate of the spec.
  [[nodiscard]] virtual double learning_rate() const noexcept = 0;

  /// The bias-corrected running mean of a parameter's squared gradients; undefined before the first
  /// step and for members that keep none. Throws Error(invalid_argument) for an unknown name.
  [[nodiscard]] virtual at::Tensor second_moment(std::string_view parameter) const = 0;

  /// The same before its correction, not copied: it changes with every step. The correction is to
  /// divide it by second_moment_correction().
  [[nodiscard]] virtual at::Tensor uncorrected_second_moment(std::string_view parameter) const = 0;
  [[nodiscard]] virtual double second_moment_correction(std::string_view parameter) const = 0;

  /// What steps have left behind, as "parameter/what"; empty before the first. A copy that later
  /// steps do not change.
  [[nodiscard]] virtual TensorMap state() const = 0;

  /// Takes up a state that state() gave after `steps` steps. Throws Error(corrupt_data) unless
  /// names and shapes are those of the parameters.
  virtual void restore(const TensorMap& state, std::int64_t steps) = 0;

  /// Canonical spec, every option written out.
  [[nodiscard]] virtual std::string spec() const = 0;
};

/// All members, in the order of the table in src/train/optimizer/family.cpp.
[[nodiscard]] std::span<const MemberInfo> optimizers() noexcept;
[[nodiscard]] std::unique_ptr<Optimizer> make_optimizer(std::string_view spec);

}  // namespace laconic
