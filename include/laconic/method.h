// The method family: what to do to a network while it trains, and what to keep at the end.
//
// Methods that need no training override finish() alone. The others say, at the points of an
// ordinary training step, how the float weights, their gradients and their quantized values meet.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "laconic/quantized_tensor.h"

namespace laconic {

class Network;
class Optimizer;
struct MethodSetup;  // laconic/methods.h

/// Where the training loop stands when it calls a method.
struct Progress {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  std::int64_t total_steps = 0;
  const Optimizer* optimizer = nullptr;  ///< For its second moments; none outside training.
};

/// Steps of a run, from the first to before the last.
struct StepRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// A tensor of a finished model, with the specs that made it.
struct QuantizedParameter {
  Tensor tensor;
  std::string quantizer;  ///< Empty for a dense tensor.
  std::string coder = "auto";
};

/// All parameters of a network, by name.
using QuantizedModel = std::map<std::string, QuantizedParameter, std::less<>>;

/// What a method must remember across an interruption, by names of its own choice.
using MethodState = std::map<std::string, DenseTensor, std::less<>>;

class Method {
 public:
  virtual ~Method() = default;

  virtual void begin(Network&) {}
  virtual void before_forward(Network&, const Progress&) {}  ///< e.g. swap quantized weights in.
  virtual void after_backward(Network&, const Progress&) {}  ///< e.g. swap back, add a penalty.
  virtual void after_update(Network&, const Progress&) {}    ///< e.g. project, or freeze a share.
  virtual void before_evaluation(Network&) {}                ///< e.g. swap quantized weights in.
  virtual void after_evaluation(Network&) {}                 ///< e.g. swap back.
  [[nodiscard]] virtual QuantizedModel finish(Network&) = 0;

  /// The steps around `at` that the schedule of the learning rate spans: where a method divides a
  /// run into several, the schedule begins anew in each. All of them unless overridden.
  [[nodiscard]] virtual StepRange period(const Progress& at) const { return {0, at.total_steps}; }

  /// Factor on the learning rate of a parameter; asked once, after begin().
  [[nodiscard]] virtual double rate(std::string_view /*parameter*/) const { return 1; }

  /// What a checkpoint must hold besides the network's parameters; restore() follows begin().
  [[nodiscard]] virtual MethodState state() const { return {}; }
  virtual void restore(const MethodState&) {}

  /// What it was made for, if it follows a plan: a checkpoint is continued only by a method of the
  /// same spec, plan and importance. Null: it follows none.
  [[nodiscard]] virtual const MethodSetup* setup() const { return nullptr; }

  /// Canonical spec, as for a Quantizer.
  [[nodiscard]] virtual std::string spec() const = 0;
};

}  // namespace laconic
