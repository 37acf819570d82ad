#include "train/optimizer/members.h"
#include "train/optimizer/per_parameter.h"

namespace laconic {
namespace {

class Sgd : public PerParameter<torch::optim::SGD, torch::optim::SGDParamState> {
 public:
  explicit Sgd(const Options& options)
      : PerParameter(options),
        momentum_(options.number("momentum")),
        nesterov_(options.flag("nesterov")) {
    if (nesterov_ && momentum_ == 0) {
      fail(ErrorCode::invalid_argument,
           "optimizer \"sgd\": nesterov=true needs a momentum above 0");
    }
  }

 private:
  std::unique_ptr<torch::optim::SGD> make(const at::Tensor& parameter,
                                          double weight_decay) const override {
    return std::make_unique<torch::optim::SGD>(std::vector{parameter},
                                               torch::optim::SGDOptions(learning_rate())
                                                   .momentum(momentum_)
                                                   .nesterov(nesterov_)
                                                   .weight_decay(weight_decay));
  }

  TensorMap tensors_of(torch::optim::SGDParamState& state) const override {
    if (!state.momentum_buffer().defined()) return {};
    return {{"momentum", state.momentum_buffer()}};
  }

  double momentum_;
  bool nesterov_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const Options& options) {
  return std::make_unique<Sgd>(options);
}

}  // namespace laconic
