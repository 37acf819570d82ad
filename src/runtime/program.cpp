#include "runtime/program.h"

#include "laconic/threads.h"
#include "runtime/layer.h"
#include "runtime/nodes.h"

namespace laconic::runtime {
namespace {

Value known(Constant constant) {
  Value value{{constant.type(), constant.shape()}};
  value.known = std::move(constant);
  return value;
}

/// Vectors are expanded: biases and the parameters of normalizations, which are small and folded.
bool stays_quantized(const Shape& shape) {
  return shape.size() >= 2;
}

Value value_of(Tensor tensor) {
  auto* quantized = std::get_if<QuantizedTensor>(&tensor);
  if (quantized == nullptr) return to_value(Weights(std::get<DenseTensor>(std::move(tensor))));
  if (!stays_quantized(quantized->shape)) {
    return to_value(Weights(DenseTensor{quantized->shape, dequantize(*quantized)}));
  }
  return to_value(Weights(stream(std::make_shared<const QuantizedTensor>(std::move(*quantized)))));
}

}  // namespace

Value to_value(Weights weights) {
  if (auto* quantized = std::get_if<StreamedTensor>(&weights)) {
    Value value{{ElementType::float32, quantized->shape}};
    value.quantized = std::make_shared<const StreamedTensor>(std::move(*quantized));
    return value;
  }
  const auto& dense = std::get<DenseTensor>(weights);
  return known(Constant::of(dense.shape, std::span<const float>(dense.values)));
}

Program make_program(CompressedNetwork network) {
  Program program;
  for (auto& [name, constant] : network.graph.constants) {
    program.constants.emplace(name, known(std::move(constant)));
  }
  network.graph.constants.clear();
  for (auto& [name, parameter] : network.tensors) {
    program.constants.insert_or_assign(name, value_of(std::move(parameter.tensor)));
  }
  program.graph = std::move(network.graph);
  return program;
}

Program read_program(const std::filesystem::path& path, const ReadLimits& limits) {
  const auto reader = ModelReader::open(path, limits);
  Program program{unpack_graph(reader.graph()), {}};
  const auto entries = reader.entries();
  std::vector<Value> values(entries.size());
  parallel_for(std::ssize(entries), [&](std::int64_t i) {
    const TensorEntry& entry = entries[static_cast<std::size_t>(i)];
    const bool coded = !entry.quantizer.empty() && stays_quantized(entry.shape);
    values[static_cast<std::size_t>(i)] =
        coded ? to_value(Weights(reader.stream(entry))) : value_of(reader.read(entry));
  });
  for (auto& [name, constant] : program.graph.constants) {
    program.constants.emplace(name, known(std::move(constant)));
  }
  program.graph.constants.clear();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    program.constants.insert_or_assign(entries[i].name, std::move(values[i]));
  }
  return program;
}

void decode_all(Program& program) {
  for (auto& [name, value] : program.constants) {
    if (!value.quantized || value.quantized->bytes > 0) continue;
    auto tensor = std::make_shared<const QuantizedTensor>(collect(*value.quantized));
    value.quantized = std::make_shared<const StreamedTensor>(stream(std::move(tensor)));
  }
}

void expand_others(Program& program) {
  const auto stays = [&](const Node& node, std::size_t input) {
    if (node.op == "LSTM" || node.op == "GRU" || node.op == "RNN") return input == 1 || input == 2;
    return input == 1 && (is_layer(program, node) || node.has(turned_key));
  };
  for (const Node& node : program.graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Value* value = constant_input(program, node, i);
      if (value == nullptr || !value->quantized || stays(node, i)) continue;
      const Shape shape = value->signature.shape;
      program.constants.insert_or_assign(
          node.inputs[i], to_value(Weights(DenseTensor{shape, dequantize(*value->quantized)})));
    }
  }
  for (const auto& output : program.graph.outputs) {
    const auto found = program.constants.find(output.name);
    if (found == program.constants.end() || !found->second.quantized) continue;
    const auto& tensor = *found->second.quantized;
    found->second = to_value(Weights(DenseTensor{tensor.shape, dequantize(tensor)}));
  }
}

}  // namespace laconic::runtime
