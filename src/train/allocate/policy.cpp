#include "train/allocate/policy.h"

#include <ATen/ATen.h>

#include <cmath>

namespace laconic {
namespace {

constexpr std::array lstm_weights = {
    "forward.input",  "forward.hidden",  "forward.input_bias",  "forward.hidden_bias",
    "backward.input", "backward.hidden", "backward.input_bias", "backward.hidden_bias"};

}  // namespace

Policy::Policy(at::Tensor features, at::Tensor prior, std::int64_t hidden, Random& random)
    : features_(std::move(features)), prior_(std::move(prior)), hidden_(hidden) {
  const auto inputs = features_.size(1), actions = prior_.size(1);
  const double reach = 1 / std::sqrt(static_cast<double>(hidden));
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, double scale) {
    auto tensor = at::empty(shape, at::kFloat);
    auto* values = tensor.data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      values[i] = static_cast<float>(scale * (2 * random.uniform() - 1));
    }
    tensor.requires_grad_(true);
    parameters_.emplace(name, tensor);
  };
  for (const char* const name : lstm_weights) {
    const std::string word = name;
    if (word.ends_with("bias")) {
      add(word, {4 * hidden}, reach);
    } else {
      add(word, {4 * hidden, word.ends_with("input") ? inputs : hidden}, reach);
    }
  }
  // A small head: the first episodes are drawn almost as the prior has it.
  add("head", {actions, 2 * hidden}, 0.1 * reach);
  add("head_bias", {actions}, 0);
}

at::Tensor Policy::log_probabilities() const {
  std::vector<at::Tensor> weights;
  for (const char* const name : lstm_weights) weights.push_back(parameters_.find(name)->second);
  const auto start = at::zeros({2, 1, hidden_}, at::kFloat);
  const auto [states, last, cell] =
      at::lstm(features_.unsqueeze(1), {start, start}, weights, /*has_biases=*/true,
               /*num_layers=*/1, /*dropout=*/0.0, /*train=*/true, /*bidirectional=*/true,
               /*batch_first=*/false);
  const auto logits = at::linear(states.squeeze(1), parameters_.find("head")->second,
                                 parameters_.find("head_bias")->second);
  return at::log_softmax(logits + prior_, 1);
}

}  // namespace laconic
