#include "curvature/rules.h"

#include <torch/autograd.h>

#include <algorithm>
#include <array>

#include "curvature/windows.h"
#include "laconic/error.h"

namespace laconic::curvature {
namespace {

/// Gradients of the node's outputs, weighted by `weights`, in its inputs.
std::vector<at::Tensor> pull_back(const NodePass& pass, const std::vector<at::Tensor>& weights) {
  std::vector<at::Tensor> outputs, vectors, inputs;
  for (std::size_t i = 0; i < pass.outputs.size(); ++i) {
    if (!weights[i].defined() || !pass.outputs[i].requires_grad()) continue;
    outputs.push_back(pass.outputs[i]);
    vectors.push_back(weights[i].reshape(pass.outputs[i].sizes()));
  }
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < pass.inputs.size(); ++i) {
    const auto& input = pass.inputs[i];
    const bool seen = std::any_of(inputs.begin(), inputs.end(),
                                  [&](const at::Tensor& other) { return other.is_same(input); });
    if (!input.defined() || !input.requires_grad() || seen) continue;
    inputs.push_back(input);
    places.push_back(i);
  }
  std::vector<at::Tensor> out(pass.inputs.size());
  if (outputs.empty()) return out;
  const auto gradients = torch::autograd::grad(outputs, inputs, vectors, /*retain_graph=*/true,
                                               /*create_graph=*/false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < places.size(); ++i) out[places[i]] = gradients[i];
  return out;
}

/// Inputs other than `only` have no rule in this node.
void require_only_input(const NodePass& pass, std::size_t only) {
  for (std::size_t i = 0; i < pass.inputs.size(); ++i) {
    if (i == only || !pass.inputs[i].defined() || !pass.inputs[i].requires_grad()) continue;
    fail(ErrorCode::unsupported_operator,
         "gauss_newton:mode=recursion has no rule for input {} of {}; mode=exact and mode=sampled "
         "take any network",
         i, describe(*pass.node));
  }
}

std::vector<at::Tensor> scaled(std::vector<at::Tensor> values, double factor) {
  for (auto& value : values) {
    if (value.defined()) value = value * factor;
  }
  return values;
}

/// Local derivatives are 0, or 1 or -1 throughout: values are moved, chosen, added.
std::vector<at::Tensor> moved(const NodePass& pass) {
  auto out = pull_back(pass, pass.curvature);
  for (auto& value : out) {
    if (value.defined()) value = value.abs();
  }
  return out;
}

/// Each output depends on the entry of input 0 at its place alone.
std::vector<at::Tensor> elementwise(const NodePass& pass) {
  require_only_input(pass, 0);
  if (pass.inputs[0].sizes() != pass.outputs[0].sizes()) {
    fail(ErrorCode::unsupported_operator,
         "gauss_newton:mode=recursion has no rule for {} where it expands its input",
         describe(*pass.node));
  }
  std::vector<at::Tensor> ones(pass.outputs.size());
  ones[0] = at::ones_like(pass.outputs[0]);
  auto out = pull_back(pass, ones);
  if (out[0].defined()) out[0] = out[0].square() * pass.curvature[0];
  return out;
}

/// The run had squared weights, so that the gradient in the other operand is what is wanted, up to
/// Gemm's factor, which must be squared as well.
std::vector<at::Tensor> linear(const NodePass& pass) {
  const bool left_is_weight = !pass.inputs[0].requires_grad();
  require_only_input(pass, left_is_weight ? 1 : 0);
  const double alpha = pass.node->op == "Gemm" ? pass.node->number("alpha", 1) : 1.0;
  return scaled(pull_back(pass, pass.curvature), alpha);
}

std::vector<at::Tensor> product(const NodePass& pass) {
  const auto &a = pass.inputs[0], &b = pass.inputs[1], &h = pass.curvature[0];
  return {(h * b.square()).sum_to_size(a.sizes()), (h * a.square()).sum_to_size(b.sizes())};
}

std::vector<at::Tensor> quotient(const NodePass& pass) {
  const auto &a = pass.inputs[0], &b = pass.inputs[1], &h = pass.curvature[0];
  return {(h / b.square()).sum_to_size(a.sizes()),
          (h * a.square() / b.pow(4)).sum_to_size(b.sizes())};
}

/// Mean of the node's inputs.
std::vector<at::Tensor> mean_of_inputs(const NodePass& pass) {
  return scaled(pull_back(pass, pass.curvature), 1.0 / static_cast<double>(pass.inputs.size()));
}

/// Mean over axes of one input: all derivatives are outputs / inputs.
std::vector<at::Tensor> mean_over_axes(const NodePass& pass) {
  return scaled(pull_back(pass, pass.curvature), static_cast<double>(pass.outputs[0].numel()) /
                                                     static_cast<double>(pass.inputs[0].numel()));
}

/// Derivatives within a window are equal, but windows at the border may have fewer entries.
std::vector<at::Tensor> average_pool(const NodePass& pass) {
  const auto kernel = pass.node->integers("kernel_shape");
  const auto input = pass.inputs[0].sizes(), output = pass.outputs[0].sizes();
  const auto windows = Windows::of(*pass.node, kernel, input, output);
  at::Tensor entries;
  if (pass.node->integer("count_include_pad", 0) != 0) {
    entries = at::full({}, static_cast<double>(element_count(kernel)), pass.inputs[0].options());
  } else {
    entries = windows.over(at::ones_like(pass.inputs[0]), output);
    for (std::size_t i = 0; i < kernel.size(); ++i) entries = entries.sum(-1);
  }
  return pull_back(pass, {pass.curvature[0] / entries});
}

using Rule = std::vector<at::Tensor> (*)(const NodePass&);

struct RuleRow {
  std::string_view op;
  Rule rule;
};

constexpr RuleRow rules[] = {
    {"Conv", linear},
    {"ConvTranspose", linear},
    {"Gemm", linear},
    {"MatMul", linear},

    {"BatchNormalization", elementwise},
    {"Relu", elementwise},
    {"LeakyRelu", elementwise},
    {"PRelu", elementwise},
    {"Elu", elementwise},
    {"Selu", elementwise},
    {"Sigmoid", elementwise},
    {"HardSigmoid", elementwise},
    {"HardSwish", elementwise},
    {"Tanh", elementwise},
    {"Softplus", elementwise},
    {"Erf", elementwise},
    {"Clip", elementwise},
    {"Pow", elementwise},
    {"Sqrt", elementwise},
    {"Exp", elementwise},
    {"Log", elementwise},
    {"Neg", elementwise},
    {"Abs", elementwise},

    {"Add", moved},
    {"Sub", moved},
    {"Sum", moved},
    {"Max", moved},
    {"Min", moved},
    {"Where", moved},
    {"MaxPool", moved},
    {"GlobalMaxPool", moved},
    {"ReduceMax", moved},
    {"ReduceMin", moved},
    {"ReduceSum", moved},
    {"Flatten", moved},
    {"Reshape", moved},
    {"Transpose", moved},
    {"Squeeze", moved},
    {"Unsqueeze", moved},
    {"Concat", moved},
    {"Split", moved},
    {"Slice", moved},
    {"Pad", moved},
    {"Gather", moved},
    {"Expand", moved},
    {"Tile", moved},
    {"Identity", moved},
    {"Cast", moved},
    {"Dropout", moved},
    {"DepthToSpace", moved},
    {"SpaceToDepth", moved},

    {"Mul", product},
    {"Div", quotient},
    {"Mean", mean_of_inputs},
    {"GlobalAveragePool", mean_over_axes},
    {"ReduceMean", mean_over_axes},
    {"AveragePool", average_pool},
};

}  // namespace

bool NodePass::passes() const {
  const auto wants = [](const at::Tensor& t) { return t.defined() && t.requires_grad(); };
  const auto has = [](const at::Tensor& t) { return t.defined(); };
  return std::any_of(inputs.begin(), inputs.end(), wants) &&
         std::any_of(curvature.begin(), curvature.end(), has);
}

bool is_linear(std::string_view op) noexcept {
  return op == "Conv" || op == "ConvTranspose" || op == "Gemm" || op == "MatMul";
}

std::vector<at::Tensor> curvature_of_inputs(const NodePass& pass) {
  const auto row = std::find_if(std::begin(rules), std::end(rules),
                                [&](const RuleRow& r) { return r.op == pass.node->op; });
  if (row == std::end(rules)) {
    fail(ErrorCode::unsupported_operator,
         "gauss_newton:mode=recursion has no rule for {}; mode=exact and mode=sampled take any "
         "network",
         describe(*pass.node));
  }
  return row->rule(pass);
}

}  // namespace laconic::curvature
