#include <cmath>

#include "train/optimizer/members.h"
#include "train/optimizer/per_parameter.h"

namespace laconic {
namespace {

class Adam : public PerParameter<torch::optim::Adam, torch::optim::AdamParamState> {
 public:
  explicit Adam(const Options& options)
      : PerParameter(options),
        beta1_(options.number("beta1")),
        beta2_(options.number("beta2")),
        epsilon_(options.number("epsilon")) {
    for (const auto& [key, beta] : {std::pair{"beta1", beta1_}, std::pair{"beta2", beta2_}}) {
      if (beta >= 1) {
        fail(ErrorCode::invalid_argument, "optimizer \"adam\": {} is {}, but must be below 1", key,
             beta);
      }
    }
  }

 private:
  std::unique_ptr<torch::optim::Adam> make(const at::Tensor& parameter,
                                           double weight_decay) const override {
    return std::make_unique<torch::optim::Adam>(std::vector{parameter},
                                                torch::optim::AdamOptions(learning_rate())
                                                    .betas({beta1_, beta2_})
                                                    .eps(epsilon_)
                                                    .weight_decay(weight_decay));
  }

  TensorMap tensors_of(torch::optim::AdamParamState& state) const override {
    return {{"first_moment", state.exp_avg()}, {"second_moment", state.exp_avg_sq()}};
  }

  at::Tensor second_moment_of(const torch::optim::AdamParamState& state) const override {
    return state.exp_avg_sq();
  }

  double correction_of(const torch::optim::AdamParamState& state) const override {
    return 1 - std::pow(beta2_, static_cast<double>(state.step()));
  }

  void set_steps(torch::optim::AdamParamState& state, std::int64_t steps) const override {
    state.step(steps);
  }

  double beta1_, beta2_, epsilon_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(const Options& options) {
  return std::make_unique<Adam>(options);
}

}  // namespace laconic
