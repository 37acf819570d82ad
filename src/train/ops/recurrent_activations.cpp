#include "train/ops/recurrent_activations.h"

#include <array>
#include <cmath>
#include <limits>

namespace laconic::ops {
namespace {

/// Defaults of alpha and beta; NaN where the activation has no such parameter.
struct ActivationRow {
  std::string_view name;
  Activation activation;
};

constexpr double none = std::numeric_limits<double>::quiet_NaN();

at::Tensor affine(const at::Tensor& x, double alpha, double beta) {
  return x * alpha + beta;
}

at::Tensor elu(const at::Tensor& x, double alpha, double) {
  return at::elu(x, alpha);
}

at::Tensor hard_sigmoid(const at::Tensor& x, double alpha, double beta) {
  return at::clamp(x * alpha + beta, 0, 1);
}

at::Tensor leaky_relu(const at::Tensor& x, double alpha, double) {
  return at::leaky_relu(x, alpha);
}

at::Tensor relu(const at::Tensor& x, double, double) {
  return at::relu(x);
}

at::Tensor scaled_tanh(const at::Tensor& x, double alpha, double beta) {
  return alpha * at::tanh(x * beta);
}

at::Tensor sigmoid(const at::Tensor& x, double, double) {
  return at::sigmoid(x);
}

at::Tensor softplus(const at::Tensor& x, double, double) {
  return at::logaddexp(x, at::zeros_like(x));
}

at::Tensor softsign(const at::Tensor& x, double, double) {
  return x / (1 + x.abs());
}

at::Tensor tanh(const at::Tensor& x, double, double) {
  return at::tanh(x);
}

at::Tensor thresholded_relu(const at::Tensor& x, double alpha, double) {
  return at::threshold(x, alpha, 0);
}

constexpr std::array activation_table = {
    ActivationRow{"Affine", {affine, 1, 0}},
    ActivationRow{"Elu", {elu, 1, none}},
    ActivationRow{"HardSigmoid", {hard_sigmoid, 0.2, 0.5}},
    ActivationRow{"LeakyRelu", {leaky_relu, 0.01, none}},
    ActivationRow{"Relu", {relu, none, none}},
    ActivationRow{"ScaledTanh", {scaled_tanh, 1, 1}},
    ActivationRow{"Sigmoid", {sigmoid, none, none}},
    ActivationRow{"Softplus", {softplus, none, none}},
    ActivationRow{"Softsign", {softsign, none, none}},
    ActivationRow{"Tanh", {tanh, none, none}},
    ActivationRow{"ThresholdedRelu", {thresholded_relu, 1, none}},
};

Activation find_activation(const Call& call, std::string_view name) {
  for (const auto& row : activation_table) {
    if (row.name == name) return row.activation;
  }
  call.fail(fmt::format("its activation \"{}\" is not known", name));
}

template <typename T>
std::vector<T> list(const Call& call, std::string_view key) {
  const auto found = call.node.attributes.find(key);
  if (found == call.node.attributes.end()) return {};
  const auto* values = std::get_if<std::vector<T>>(&found->second);
  if (values == nullptr) call.fail(fmt::format("its attribute {} has the wrong type", key));
  return *values;
}

}  // namespace

std::vector<Activation> read_activations(const Call& call,
                                         std::span<const std::string_view> fallback,
                                         std::size_t directions) {
  auto names = list<std::string>(call, "activations");
  const auto count = fallback.size() * directions;
  if (names.empty()) {
    for (std::size_t i = 0; i < count; ++i) names.emplace_back(fallback[i % fallback.size()]);
  }
  if (names.size() != count)
    call.fail(fmt::format("names {} activations, not {}", names.size(), count));
  const auto alphas = list<float>(call, "activation_alpha");
  const auto betas = list<float>(call, "activation_beta");
  std::size_t alpha = 0;
  std::size_t beta = 0;
  std::vector<Activation> out;
  for (const auto& name : names) {
    Activation activation = find_activation(call, name);
    if (!std::isnan(activation.alpha) && alpha < alphas.size()) {
      activation.alpha = static_cast<double>(alphas[alpha++]);
    }
    if (!std::isnan(activation.beta) && beta < betas.size()) {
      activation.beta = static_cast<double>(betas[beta++]);
    }
    out.push_back(activation);
  }
  return out;
}

}  // namespace laconic::ops
