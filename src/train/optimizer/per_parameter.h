// What optimizers of LibTorch have in common here: one object for each parameter, so that steps run
// in parallel and a state is found without LibTorch's keys, which differ between its versions.

#pragma once

#include <torch/optim.h>

#include <memory>
#include <string>
#include <vector>

#include "laconic/error.h"
#include "laconic/optimizer.h"
#include "train/torch_threads.h"

namespace laconic {

/// `Torch` is LibTorch's optimizer, `State` what it keeps for a parameter.
template <typename Torch, typename State>
class PerParameter : public Optimizer {
 public:
  explicit PerParameter(const Options& options)
      : spec_(options.spec()), learning_rate_(options.number("lr")) {}

  void begin(const TensorMap& parameters, double weight_decay,
             const std::map<std::string, double, std::less<>>& rates) override {
    for (const auto& [name, parameter] : parameters) {
      const auto rate = rates.find(name);
      slots_.push_back(
          {name, parameter, rate == rates.end() ? 1 : rate->second, make(parameter, weight_decay)});
    }
  }

  void step(double factor) override {
    torch_parallel_for(static_cast<std::int64_t>(slots_.size()), [&](std::int64_t i) {
      auto& slot = slots_[static_cast<std::size_t>(i)];
      slot.torch->param_groups()[0].options().set_lr(learning_rate_ * slot.rate * factor);
      slot.torch->step();
    });
  }

  double learning_rate() const noexcept override { return learning_rate_; }

  at::Tensor second_moment(std::string_view parameter) const override {
    const at::Tensor mean = uncorrected_second_moment(parameter);
    return mean.defined() ? mean / second_moment_correction(parameter) : mean;
  }

  at::Tensor uncorrected_second_moment(std::string_view parameter) const override {
    const State* state = state_of(slot_of(parameter));
    return state == nullptr ? at::Tensor() : second_moment_of(*state);
  }

  double second_moment_correction(std::string_view parameter) const override {
    const State* state = state_of(slot_of(parameter));
    return state == nullptr ? 1 : correction_of(*state);
  }

  TensorMap state() const override {
    TensorMap out;
    for (const auto& slot : slots_) {
      State* state = state_of(slot);
      if (state == nullptr) continue;
      for (const auto& [what, tensor] : tensors_of(*state)) {
        out.emplace(slot.name + "/" + what, tensor.detach().clone());
      }
    }
    return out;
  }

  void restore(const TensorMap& state, std::int64_t steps) override {
    if (steps == 0) return;
    for (const auto& slot : slots_) {
      prime(slot);
      State* kept = state_of(slot);
      if (kept == nullptr) continue;
      for (const auto& [what, tensor] : tensors_of(*kept)) {
        const auto found = state.find(slot.name + "/" + what);
        if (found == state.end() || found->second.sizes() != tensor.sizes()) {
          fail(ErrorCode::corrupt_data,
               "the optimizer's state lacks \"{}/{}\", or it has another shape", slot.name, what);
        }
        const at::NoGradGuard no_gradients;
        tensor.detach().copy_(found->second);
      }
      set_steps(*kept, steps);
    }
  }

  std::string spec() const override { return spec_; }

 protected:
  [[nodiscard]] virtual std::unique_ptr<Torch> make(const at::Tensor& parameter,
                                                    double weight_decay) const = 0;
  /// The tensors of a state, by what they are.
  [[nodiscard]] virtual TensorMap tensors_of(State& state) const = 0;
  [[nodiscard]] virtual at::Tensor second_moment_of(const State&) const { return {}; }
  [[nodiscard]] virtual double correction_of(const State&) const { return 1; }
  virtual void set_steps(State&, std::int64_t) const {}

 private:
  struct Slot {
    std::string name;
    at::Tensor parameter;
    double rate;  ///< Factor on the learning rate.
    std::unique_ptr<Torch> torch;
  };

  const Slot& slot_of(std::string_view parameter) const {
    for (const auto& slot : slots_) {
      if (slot.name == parameter) return slot;
    }
    fail(ErrorCode::invalid_argument, "the optimizer has no parameter \"{}\"", parameter);
  }

  static State* state_of(const Slot& slot) {
    auto& states = slot.torch->state();
    return states.empty() ? nullptr : static_cast<State*>(states.begin()->second.get());
  }

  /// LibTorch makes a state at the first step: one on a gradient of zeros, at rate 0.
  static void prime(const Slot& slot) {
    const at::Tensor gradient = slot.parameter.grad();
    const at::Tensor value = slot.parameter.detach().clone();
    const at::NoGradGuard no_gradients;
    at::Tensor parameter = slot.parameter;
    parameter.mutable_grad() = at::zeros_like(value);
    slot.torch->param_groups()[0].options().set_lr(0);
    slot.torch->step();
    parameter.detach().copy_(value);
    parameter.mutable_grad() = gradient;
  }

  std::string spec_;
  double learning_rate_;
  std::vector<Slot> slots_;
};

}  // namespace laconic
