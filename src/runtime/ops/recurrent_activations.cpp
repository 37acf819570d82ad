#include "runtime/ops/recurrent_activations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace laconic::runtime {
namespace {

/// Defaults of alpha and beta; NaN where the activation has no such parameter.
struct ActivationRow {
  std::string_view name;
  Activation activation;
};

constexpr float none = std::numeric_limits<float>::quiet_NaN();

float affine(float x, float alpha, float beta) {
  return x * alpha + beta;
}
float elu(float x, float alpha, float) {
  return x < 0 ? alpha * std::expm1(x) : x;
}
float relu(float x, float, float) {
  return x < 0 ? 0 : x;
}
float scaled_tanh(float x, float alpha, float beta) {
  return alpha * std::tanh(x * beta);
}
float softplus(float x, float, float) {
  return std::log1p(std::exp(-std::fabs(x))) + (x < 0 ? 0 : x);
}
float softsign(float x, float, float) {
  return x / (1 + std::fabs(x));
}
float thresholded_relu(float x, float alpha, float) {
  return x > alpha ? x : 0;
}

using Kind = Nonlinearity::Kind;

constexpr std::array activation_table = {
    ActivationRow{"Affine", {{}, affine, 1, 0}},
    ActivationRow{"Elu", {{}, elu, 1, none}},
    ActivationRow{"HardSigmoid", {Kind::hard_sigmoid, nullptr, 0.2F, 0.5F}},
    ActivationRow{"LeakyRelu", {Kind::leaky_relu, nullptr, 0.01F, none}},
    ActivationRow{"Relu", {{}, relu, none, none}},
    ActivationRow{"ScaledTanh", {{}, scaled_tanh, 1, 1}},
    ActivationRow{"Sigmoid", {Kind::sigmoid, nullptr, none, none}},
    ActivationRow{"Softplus", {{}, softplus, none, none}},
    ActivationRow{"Softsign", {{}, softsign, none, none}},
    ActivationRow{"Tanh", {Kind::tanh, nullptr, none, none}},
    ActivationRow{"ThresholdedRelu", {{}, thresholded_relu, 1, none}},
};

Activation find_activation(const Call& call, std::string_view name) {
  for (const auto& row : activation_table) {
    if (row.name != name) continue;
    Activation out = row.activation;
    if (out.kind) out.code = nonlinearity_code();
    return out;
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

void Activation::apply(float* values, std::int64_t count) const {
  if (kind) return code({*kind, alpha, beta}, values, count, values);
  for (std::int64_t i = 0; i < count; ++i) values[i] = function(values[i], alpha, beta);
}

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
  std::size_t alpha = 0, beta = 0;
  std::vector<Activation> out;
  for (const auto& name : names) {
    Activation activation = find_activation(call, name);
    if (!std::isnan(activation.alpha) && alpha < alphas.size()) activation.alpha = alphas[alpha++];
    if (!std::isnan(activation.beta) && beta < betas.size()) activation.beta = betas[beta++];
    out.push_back(activation);
  }
  return out;
}

}  // namespace laconic::runtime
