#include "train/post/post_pass.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/memory.h"
#include "laconic/error.h"
#include "laconic/threads.h"
#include "train/post/compensate.h"
#include "train/post/even_codebook.h"
#include "train/post/input_moments.h"
#include "train/post/trellis_assign.h"

namespace laconic {
namespace {

std::vector<float> to_floats(const at::Tensor& tensor) {
  const auto flat = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

Shape shape_of(const at::Tensor& tensor) {
  return tensor.sizes().vec();
}

at::Tensor to_tensor(std::span<const float> values, const Shape& shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

/// A tensor over memory of its own, without a copy.
at::Tensor owned(std::vector<float> values, const Shape& shape) {
  auto* kept = new std::vector<float>(std::move(values));
  return at::from_blob(
      kept->data(), shape, [kept](void*) { delete kept; }, at::kFloat);
}

/// The elements of a parameter, which is contiguous floats on the CPU.
std::span<const float> elements(const at::Tensor& parameter) {
  return {parameter.data_ptr<float>(), static_cast<std::size_t>(parameter.numel())};
}

/// Names of the float constants of a BatchNormalization, if all four are constants.
bool is_constant_batch_norm(const Graph& graph, const Node& node) {
  return node.op == "BatchNormalization" && node.inputs.size() == 5 &&
         std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                     [&](const auto& name) { return graph.constants.contains(name); });
}

struct ChannelMoments {
  at::Tensor mean, deviation;  ///< Double, one entry per channel (axis 1).
};

ChannelMoments channel_moments(std::span<const at::Tensor> batches) {
  at::Tensor sum, squares;
  std::int64_t count = 0;
  for (const auto& batch : batches) {
    const auto flat = batch.transpose(0, 1).reshape({batch.size(1), -1}).to(at::kDouble);
    const auto s = flat.sum(1), q = flat.square().sum(1);
    sum = sum.defined() ? sum + s : s;
    squares = squares.defined() ? squares + q : q;
    count += flat.size(1);
  }
  const auto mean = sum / count;
  return {mean, (squares / count - mean.square()).clamp_min(0).sqrt()};
}

/// What each row answers to the mean inputs of its group, groups x cols. Weights become doubles one
/// by one: a copy of a large layer is what memory would peak by.
at::Tensor answers(const LinearLayer& layer, std::span<const float> weights,
                   const at::Tensor& means) {
  const auto inputs = means.to(at::kDouble).contiguous();
  auto out = at::empty({layer.rows}, at::kDouble);
  const auto* mean = inputs.data_ptr<double>();
  auto* answer = out.data_ptr<double>();
  parallel_for(layer.rows, [&](std::int64_t row) {
    const auto* input = mean + row / (layer.rows / layer.groups) * layer.cols;
    const auto* weight = weights.data() + row * layer.cols;
    answer[row] = std::inner_product(weight, weight + layer.cols, input, 0.0);
  });
  return out;
}

constexpr std::size_t large = std::size_t{1} << 22;  ///< Weights by which memory peaks.

class Pass {
 public:
  Pass(const Network& network, const Batches& batches,
       const std::map<std::string, LayerChoice, std::less<>>& choices, const PassOptions& options,
       bool all)
      : network_(network),
        graph_(network.graph()),
        choices_(choices),
        options_(options),
        all_(all),
        lanes_(batches.size()) {
    for (auto& layer : linear_layers(graph_)) layers_.emplace(layer.node, std::move(layer));
    for (const auto& batch : batches) inputs_.push_back({batch});  // Float lanes.
    for (const auto& batch : batches) inputs_.push_back({batch});  // Quantized lanes.
  }

  PassResult run() {
    const auto outputs = network_.run_side_by_side(
        inputs_, [this](std::size_t node, std::span<std::vector<at::Tensor>> inputs) {
          before(node, inputs);
        });
    finish();
    result_.output_damage = graph_.outputs.size() == 1 ? damage_to_scores(outputs) : 0;
    for (std::size_t i = 0; graph_.outputs.size() > 1 && i < graph_.outputs.size(); ++i)
      result_.output_damage += damage_to_map(outputs, i);
    return std::move(result_);
  }

 private:
  using Inputs = std::span<std::vector<at::Tensor>>;
  using Outputs = std::span<const std::vector<at::Tensor>>;

  /// What all scores of a sample have in common changes no answer.
  [[nodiscard]] double damage_to_scores(Outputs outputs) const {
    double damage = 0, count = 0;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      auto change = (outputs[lane][0] - outputs[lanes_ + lane][0]).to(at::kDouble);
      if (change.dim() > 1) change = change - change.mean(1, true);
      damage += change.square().sum().item<double>();
      count += static_cast<double>(change.numel());
    }
    return damage / count;
  }

  /// Of one output among several: their units differ, so it is against the output's own size.
  [[nodiscard]] double damage_to_map(Outputs outputs, std::size_t i) const {
    double damage = 0, size = 0;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const auto exact = outputs[lane][i].to(at::kDouble);
      damage += (exact - outputs[lanes_ + lane][i]).square().sum().item<double>();
      size += exact.square().sum().item<double>();
    }
    return size > 0 ? damage / size : 0;
  }

  void before(std::size_t n, Inputs inputs) {
    throw_if_interrupted();
    const Node& node = graph_.nodes[n];
    if (const auto found = layers_.find(n); found != layers_.end()) {
      linear(node, found->second, inputs);
    } else {
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (choices_.contains(node.inputs[i]) && !is_linear(node.inputs[i]))
          replace(inputs, i, free_weight(node.inputs[i]));
      }
    }
    if (is_constant_batch_norm(graph_, node) && (all_ || options_.recalibrate))
      batch_norm(node, inputs);
  }

  [[nodiscard]] bool is_linear(std::string_view name) const {
    return std::any_of(layers_.begin(), layers_.end(),
                       [&](const auto& entry) { return entry.second.weight == name; });
  }

  void replace(Inputs inputs, std::size_t i, const at::Tensor& value) const {
    for (std::size_t lane = lanes_; lane < 2 * lanes_; ++lane) inputs[lane][i] = value;
  }

  [[nodiscard]] std::vector<at::Tensor> column(Inputs inputs, std::size_t i,
                                               std::size_t first_lane) const {
    std::vector<at::Tensor> values;
    for (std::size_t lane = first_lane; lane < first_lane + lanes_; ++lane)
      values.push_back(inputs[lane][i]);
    return values;
  }

  void linear(const Node& node, const LinearLayer& layer, Inputs inputs) {
    const auto choice = choices_.find(layer.weight);
    const bool has_bias = node.has_input(2) && graph_.constants.contains(node.inputs[2]);
    if (choice == choices_.end()) return;
    const auto windows = std::max<std::int64_t>(8192, options_.rows_per_weight * layer.cols);
    const auto moments = input_moments(graph_, layer, column(inputs, layer.input, 0),
                                       column(inputs, layer.input, lanes_), windows);
    const auto& original = network_.parameter(layer.weight);
    const auto weights = elements(original);
    const LayerProblem problem{layer.rows, layer.cols,     layer.groups,
                               weights,    moments.metric, moments.panel};
    const auto quantized = solve(layer.weight, choice->second, problem, shape_of(original));
    output_steps_[node.outputs[0]] = last_output_step_;
    replace(inputs, 1, node.op == "MatMul" ? quantized.t() : quantized);

    if (!has_bias) return;
    auto bias = network_.parameter(node.inputs[2]).detach().to(at::kDouble);
    if (options_.recalibrate && bias.numel() == layer.rows) {
      bias = (bias.reshape({layer.rows}) + answers(layer, weights, moments.float_mean) -
              answers(layer, elements(quantized), moments.mean))
                 .reshape(bias.sizes());
    }
    replace(inputs, 2, keep(node.inputs[2], bias, output_step(node.outputs[0])));
  }

  /// A weight that is not of a linear layer: its errors count as they are.
  at::Tensor free_weight(const std::string& name) {
    const auto& original = network_.parameter(name);
    const auto weights = elements(original);
    if (const auto done = result_.tensors.find(name); done != result_.tensors.end()) {
      return owned(dequantize(done->second.tensor), shape_of(original));
    }
    const std::vector<float> one{1};
    const auto count = static_cast<std::int64_t>(weights.size());
    const LayerProblem problem{count, 1, 1, weights, one};
    return solve(name, choices_.find(name)->second, problem, shape_of(original));
  }

  /// Quantizes one weight and records it; returns its quantized values.
  at::Tensor solve(const std::string& name, const LayerChoice& choice, const LayerProblem& problem,
                   const Shape& shape) {
    auto factors = factorize(problem, options_.damping);
    // What led here is no more needed; indices and values of a large layer come next.
    if (problem.target.size() >= large) release_freed_memory();
    const double curvature = options_.compensate ? factors.mean_pivot : mean_diagonal(problem);
    result_.curvature[name] = curvature;
    const double step = short_float(options_.step * choice.scale);
    auto tensor = first_levels(choice, step, shape, problem.target);
    last_output_step_ = step * std::sqrt(curvature);
    // With distortion p step^2 / 12 at curvature p, and a bit for each halving of the step, a bit
    // is worth p step^2 ln 2 / 6.
    const double worth = curvature * step * step * std::numbers::ln2 / 6;
    const CompensateOptions compensation{.lambda = options_.price * worth,
                                         .compensate = options_.compensate,
                                         .keep_zeros = choice.zeros == Zeros::keep};
    const bool on_trellis = is_trellis(choice.quantizer);
    if (on_trellis) {
      assign_on_trellis(problem, options_.compensate ? &factors : nullptr, compensation, tensor);
    } else {
      laconic::compensate(problem, factors, compensation, tensor);
    }
    factors = {};
    const bool even = has_even_levels(choice);
    if (even && !choice.codebook) drop_unused_ends(tensor, on_trellis);
    // An even codebook says its step; a spec per tensor would cost bytes.
    std::string spec = even ? choice.quantizer : spec_at(choice, step, problem.target);
    auto values = dequantize(tensor);
    result_.output_error[name] = laconic::output_error(problem, values);
    result_.tensors.insert_or_assign(
        name, QuantizedParameter{std::move(tensor), std::move(spec), choice.coder});
    return owned(std::move(values), shape);
  }

  /// Matches the normalised outputs' means and deviations to the float network's.
  void batch_norm(const Node& node, Inputs inputs) {
    const auto get = [&](std::size_t i) {
      return network_.parameter(node.inputs[i]).detach().to(at::kDouble);
    };
    const auto epsilon = static_cast<double>(node.number("epsilon", 1e-5F));
    const auto mean = get(3), deviation = (get(4) + epsilon).sqrt();
    auto scale = get(1), bias = get(2);
    const auto gain = scale / deviation;
    const double step = output_step(node.inputs[0]) * gain.square().mean().sqrt().item<double>();
    ChannelMoments old, now;
    if (options_.recalibrate) {
      old = channel_moments(column(inputs, 0, 0));
      now = channel_moments(column(inputs, 0, lanes_));
      // A channel that died stays as it is.
      const auto alive = now.deviation > 1e-6 * old.deviation;
      scale = scale *
              at::where(alive, old.deviation / now.deviation, at::ones_like(scale)).clamp(0.25, 4);
    }
    const auto kept = keep(node.inputs[1], scale, step);
    replace(inputs, 1, kept);
    if (options_.recalibrate) {
      bias = bias + gain * (old.mean - mean) - kept.to(at::kDouble) / deviation * (now.mean - mean);
    }
    replace(inputs, 2, keep(node.inputs[2], bias, step));
  }

  /// The step of an added vector that does as much damage as the weights' step did in the layer
  /// that computed `value`: a bias is a weight whose input is always one.
  [[nodiscard]] double output_step(const std::string& value) const {
    const auto found = output_steps_.find(value);
    return found != output_steps_.end() ? found->second : last_output_step_;
  }

  /// Quantizes a vector that is added to (or scales) a layer's outputs, evenly and without regard
  /// to others; returns its quantized values.
  at::Tensor keep(const std::string& name, const at::Tensor& values, double step) {
    auto floats = to_floats(values);
    const auto shape = shape_of(values);
    if (!all_ || !(step > 0)) return to_tensor(floats, shape);
    const float rounded = short_float(options_.vector_step * step);
    const auto codebook = evenly_spaced_over(floats, rounded);
    QuantizedTensor tensor{shape, static_cast<std::int64_t>(floats.size()), {codebook}, {}};
    for (const float value : floats) tensor.indices.push_back(codebook.nearest(value));
    drop_unused_ends(tensor);
    floats = dequantize(tensor);
    result_.tensors.insert_or_assign(name, QuantizedParameter{std::move(tensor), "uniform"});
    return to_tensor(floats, shape);
  }

  /// Parameters that no step above took: constants as one level, the rest as floats.
  void finish() {
    for (const auto& info : network_.parameters()) {
      if (result_.tensors.contains(info.name)) continue;
      const auto& parameter = network_.parameter(info.name);
      auto values = to_floats(parameter);
      const bool constant = !values.empty() && std::all_of(values.begin(), values.end(),
                                                           [&](float v) { return v == values[0]; });
      if (constant) {
        const auto count = values.size();
        result_.tensors.emplace(info.name,
                                QuantizedParameter{QuantizedTensor{shape_of(parameter),
                                                                   static_cast<std::int64_t>(count),
                                                                   {Codebook({values[0]})},
                                                                   std::vector<Index>(count)},
                                                   ""});
      } else {
        result_.tensors.emplace(
            info.name, QuantizedParameter{DenseTensor{shape_of(parameter), std::move(values)}, ""});
      }
    }
  }

  const Network& network_;
  const Graph& graph_;
  const std::map<std::string, LayerChoice, std::less<>>& choices_;
  const PassOptions& options_;
  const bool all_;
  const std::size_t lanes_;
  std::map<std::size_t, LinearLayer> layers_;
  std::vector<std::vector<at::Tensor>> inputs_;
  std::map<std::string, double, std::less<>> output_steps_;  ///< Of values that layers computed.
  double last_output_step_ = 0;
  PassResult result_;
};

}  // namespace

PassResult quantize_pass(const Network& network, const Batches& batches,
                         const std::map<std::string, LayerChoice, std::less<>>& choices,
                         const PassOptions& options, bool all) {
  const at::NoGradGuard no_grad;
  return Pass(network, batches, choices, options, all).run();
}

}  // namespace laconic
