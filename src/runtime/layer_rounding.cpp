#include "laconic/layer_rounding.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace laconic {
namespace {

bool is_constant(const CompressedNetwork& network, const std::string& value) {
  return value.empty() || network.tensors.contains(value) ||
         network.graph.constants.contains(value);
}

/// Whether kernels run the node on quantized weights.
bool is_packed(const CompressedNetwork& network, const Node& node) {
  constexpr std::array<std::string_view, 6> ops = {"Conv", "Gemm", "MatMul", "LSTM", "GRU", "RNN"};
  if (std::ranges::find(ops, node.op) == ops.end() || node.inputs.size() < 2) return false;
  const auto weights = network.tensors.find(node.inputs[1]);
  return weights != network.tensors.end() &&
         std::holds_alternative<QuantizedTensor>(weights->second.tensor);
}

std::vector<std::string> activations_of(const CompressedNetwork& network, const Node& node) {
  std::vector<std::string> out;
  for (const auto& input : node.inputs) {
    if (!is_constant(network, input) && std::ranges::find(out, input) == out.end()) {
      out.push_back(input);
    }
  }
  return out;
}

/// Values by name: inputs that were given, and answers of a session to what else is wanted.
class Activations {
 public:
  Activations(const CompressedNetwork& network, std::span<const Node* const> layers,
              std::span<const TensorView> inputs)
      : session_(with_outputs(network, layers), {.kernels = LayerKernels::packed}),
        inputs_(inputs) {
    answers_ = session_.run(inputs);
  }

  [[nodiscard]] const TensorView& of(const std::string& name) const {
    const auto find = [&](std::span<const ValueInfo> infos) {
      return std::ranges::find(infos, name, &ValueInfo::name) - infos.begin();
    };
    const auto input = find(session_.inputs());
    return input < std::ssize(inputs_)
               ? inputs_[static_cast<std::size_t>(input)]
               : answers_[static_cast<std::size_t>(find(session_.outputs()))];
  }

 private:
  static CompressedNetwork with_outputs(CompressedNetwork network,
                                        std::span<const Node* const> layers) {
    const auto given = [&](const std::string& name) {
      const auto& graph = network.graph;
      return std::ranges::count(graph.inputs, name, &ValueInfo::name) > 0 ||
             std::ranges::count(graph.outputs, name, &ValueInfo::name) > 0;
    };
    for (const Node* layer : layers) {
      for (const auto& name : activations_of(network, *layer)) {
        if (given(name)) continue;
        network.graph.outputs.push_back({name, ElementType::float32, {}, false});
      }
    }
    return network;
  }

  Session session_;
  std::span<const TensorView> inputs_;
  std::span<const TensorView> answers_;
};

/// A network of that node alone.
CompressedNetwork alone(const CompressedNetwork& network, const Node& node,
                        const Activations& activations) {
  CompressedNetwork out;
  out.graph.opset = network.graph.opset;
  out.graph.nodes = {node};
  for (const auto& name : activations_of(network, node)) {
    const TensorView& view = activations.of(name);
    out.graph.inputs.push_back({name, view.type, {view.shape.begin(), view.shape.end()}, true});
  }
  const auto first =
      std::ranges::find_if(node.outputs, [](const auto& name) { return !name.empty(); });
  out.graph.outputs = {{*first, ElementType::float32, {}, false}};
  for (const auto& name : node.inputs) {
    if (const auto found = network.tensors.find(name); found != network.tensors.end()) {
      out.tensors.insert(*found);
    }
    if (const auto found = network.graph.constants.find(name);
        found != network.graph.constants.end()) {
      out.graph.constants.insert(*found);
    }
  }
  return out;
}

double relative_error(std::span<const float> exact, std::span<const float> rounded) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double by = double{rounded[i]} - double{exact[i]};
    difference += by * by;
    size += double{exact[i]} * double{exact[i]};
  }
  return size > 0 ? std::sqrt(difference / size) : 0;
}

LayerRounding rounding_of(const CompressedNetwork& layer, const Activations& activations) {
  std::vector<TensorView> inputs;
  for (const auto& info : layer.graph.inputs) inputs.push_back(activations.of(info.name));
  Session exact(layer, {.kernels = LayerKernels::packed});
  Session rounded(layer, {.kernels = LayerKernels::int8});
  const auto wanted = exact.run(inputs)[0].floats(), had = rounded.run(inputs)[0].floats();
  return {describe(layer.graph.nodes[0]), rounded.layers()[0].tried[0].kernel,
          relative_error(wanted, had)};
}

}  // namespace

std::vector<LayerRounding> rounding_of_layers(const CompressedNetwork& network,
                                              std::span<const TensorView> inputs) {
  std::vector<const Node*> layers;
  for (const Node& node : network.graph.nodes) {
    if (is_packed(network, node)) layers.push_back(&node);
  }
  const Activations activations(network, layers, inputs);
  std::vector<LayerRounding> out;
  for (const Node* node : layers) {
    out.push_back(rounding_of(alone(network, *node, activations), activations));
  }
  return out;
}

}  // namespace laconic
