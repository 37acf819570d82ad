#include "runtime/program.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include "graph/passes.h"
#include "laconic/threads.h"
#include "runtime/layer.h"
#include "runtime/nonlinearity.h"

namespace laconic::runtime {
namespace {

Value known(Constant constant) {
  Value value{{constant.type(), constant.shape()}};
  value.known = std::move(constant);
  return value;
}

Value to_value(Weights weights) {
  if (auto* quantized = std::get_if<StreamedTensor>(&weights)) {
    Value value{{ElementType::float32, quantized->shape}};
    value.quantized = std::make_shared<const StreamedTensor>(std::move(*quantized));
    return value;
  }
  const auto& dense = std::get<DenseTensor>(weights);
  return known(Constant::of(dense.shape, std::span<const float>(dense.values)));
}

/// Vectors are expanded: biases and the parameters of normalizations, which are small and folded.
bool stays_quantized(const Shape& shape) {
  return shape.size() >= 2;
}

Value to_value(Tensor tensor) {
  auto* quantized = std::get_if<QuantizedTensor>(&tensor);
  if (quantized == nullptr) return to_value(Weights(std::get<DenseTensor>(std::move(tensor))));
  if (!stays_quantized(quantized->shape)) {
    return to_value(Weights(DenseTensor{quantized->shape, dequantize(*quantized)}));
  }
  return to_value(Weights(stream(std::make_shared<const QuantizedTensor>(std::move(*quantized)))));
}

const Value* find(const Program& program, const Node& node, std::size_t input) {
  if (!node.has_input(input)) return nullptr;
  const auto found = program.constants.find(node.inputs[input]);
  return found == program.constants.end() ? nullptr : &found->second;
}

/// The name of a node's input; empty where it is left out, as a damaged graph may have any.
const std::string& input_of(const Node& node, std::size_t i) {
  static const std::string none;
  return i < node.inputs.size() ? node.inputs[i] : none;
}

bool is_float(const Value* value) {
  return value != nullptr && value->signature.type == ElementType::float32;
}

/// Where nodes stand that write and read values, as the graph is now.
struct Uses {
  std::map<std::string, int, std::less<>> reads;
  std::map<std::string, std::size_t, std::less<>> writer;

  explicit Uses(const Graph& graph) : reads(count_reads(graph)) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const auto& output : graph.nodes[i].outputs) writer[output] = i;
    }
  }

  /// The node that writes `value`, if nothing reads it but one node.
  [[nodiscard]] Node* only_source(Graph& graph, const std::string& value) const {
    if (value.empty()) return nullptr;
    const auto found = writer.find(value);
    const auto count = reads.find(value);
    if (found == writer.end() || count == reads.end() || count->second != 1) return nullptr;
    return &graph.nodes[found->second];
  }
};

void erase_nodes(Graph& graph, const std::set<const Node*>& gone) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    if (!gone.contains(&node)) kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
}

/// Whether the node runs as a packed layer, whatever it is run on.
bool is_layer(const Program& program, const Node& node) {
  const Value* weight = find(program, node, 1);
  if (!is_float(weight)) return false;
  if (node.op == "Conv") return is_packable_conv(node, weight->signature.shape.size());
  if (node.op == "MatMul") return node.has(turned_key);
  if (node.op != "Gemm" || !is_packable_gemm(node)) return false;
  const Value* bias = find(program, node, 2);
  return !node.has_input(2) ||
         (is_float(bias) && bias->known && bias->signature.count() == weight->signature.shape[0]);
}

/// What a node does to each value; of a Clip, if its bounds are known.
std::optional<Nonlinearity> function_of(const Program& program, const Node& node) {
  auto function = nonlinearity_of(node);
  if (!function || node.op != "Clip") return function;
  for (const std::size_t i : {1U, 2U}) {
    if (!node.has_input(i)) continue;
    const Value* bound = find(program, node, i);
    if (!is_float(bound) || !bound->known || bound->signature.count() != 1) return {};
    (i == 1 ? function->alpha : function->beta) = bound->known->floats()[0];
  }
  return function;
}

/// The operator that a value times `node` of it is.
std::string_view swish_of(const Node& node) {
  if (node.op == "Sigmoid") return "Swish";
  constexpr float sixth = 1.0F / 6;
  const bool of_swish = node.op == "HardSigmoid" &&
                        std::abs(node.number("alpha", 0.2F) - sixth) < 1e-7F &&
                        node.number("beta", 0.5F) == 0.5F;
  return of_swish ? "HardSwish" : "";
}

/// Of a node with two inputs, the one that is not a scalar constant of about that value; empty if
/// there is none.
std::string beside(const Program& program, const Node* node, std::string_view op, float value) {
  if (node == nullptr || node->op != op) return {};
  for (const std::size_t i : {1U, 0U}) {
    const Value* constant = find(program, *node, i);
    if (!is_float(constant) || !constant->known || constant->signature.count() != 1) continue;
    const bool fits = std::abs(constant->known->floats()[0] - value) < 1e-6F * value;
    // What is divided comes first.
    return fits && (i == 1 || op != "Div") ? input_of(*node, 1 - i) : std::string();
  }
  return {};
}

/// What 1 + erf(x / sqrt(2)) is computed from, if that is what `sum` is; and the nodes that do.
std::string gate_input(Program& program, const Uses& uses, const Node* sum,
                       std::vector<const Node*>& nodes) {
  Graph& graph = program.graph;
  const std::string erf_output = beside(program, sum, "Add", 1);
  const Node* erf = erf_output.empty() ? nullptr : uses.only_source(graph, erf_output);
  if (erf == nullptr || erf->op != "Erf") return {};
  const Node* scaled = uses.only_source(graph, input_of(*erf, 0));
  auto x = beside(program, scaled, "Div", std::numbers::sqrt2_v<float>);
  if (x.empty()) x = beside(program, scaled, "Mul", 1 / std::numbers::sqrt2_v<float>);
  nodes = {sum, erf, scaled};
  return x;
}

/// Of a product of x and 1 + erf(x / sqrt(2)), where `x` is made from its other factor: x.
template <typename Half>
std::string gelu_input(Program& program, const Uses& uses, const Node& product, Half half,
                       std::vector<const Node*>& nodes) {
  if (product.op != "Mul") return {};
  for (const std::size_t side : {0U, 1U}) {
    const Node* sum = uses.only_source(program.graph, input_of(product, side));
    const auto x = gate_input(program, uses, sum, nodes);
    if (!x.empty() && half(input_of(product, 1 - side), nodes) == x) return x;
  }
  return {};
}

void turn(Program& program, Node& node) {
  const std::string name = node.inputs[1] + ".turned";
  const Value& weight = program.constants.find(node.inputs[1])->second;
  const auto rows = weight.signature.shape[0], columns = weight.signature.shape[1];
  const auto values = dequantize(weights_of(weight));
  DenseTensor turned{{columns, rows}, std::vector<float>(values.size())};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i) % columns;
    const auto row = static_cast<std::int64_t>(i) / columns;
    turned.values[static_cast<std::size_t>(column * rows + row)] = values[i];
  }
  program.constants.insert_or_assign(name, to_value(Weights(std::move(turned))));
  node.inputs[1] = name;
}

}  // namespace

Program make_program(CompressedNetwork network) {
  Program program;
  for (auto& [name, constant] : network.graph.constants) {
    program.constants.emplace(name, known(std::move(constant)));
  }
  network.graph.constants.clear();
  for (auto& [name, parameter] : network.tensors) {
    program.constants.insert_or_assign(name, to_value(std::move(parameter.tensor)));
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
        coded ? to_value(Weights(reader.stream(entry))) : to_value(reader.read(entry));
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

void turn_weights(Program& program) {
  Graph& graph = program.graph;
  const Uses uses(graph);
  std::set<const Node*> gone;
  for (Node& node : graph.nodes) {
    const bool product =
        node.op == "MatMul" || (node.op == "Gemm" && node.integer("transB", 0) == 0);
    if (!product || !node.has_input(1)) continue;
    const Value* weight = find(program, node, 1);
    Node* source = uses.only_source(graph, node.inputs[1]);
    if (weight == nullptr && source != nullptr && source->op == "Transpose") {
      weight = find(program, *source, 0);
      const Integers swap{1, 0};
      if (!is_float(weight) || weight->signature.rank() != 2 ||
          source->integers("perm", swap) != swap) {
        continue;
      }
      node.inputs[1] = source->inputs[0];
      gone.insert(source);
    } else if (is_float(weight) && weight->signature.rank() == 2 && weight->signature.count() > 0) {
      turn(program, node);
    } else {
      continue;
    }
    if (node.op == "Gemm") {
      node.attributes.insert_or_assign("transB", std::int64_t{1});
    } else {
      node.attributes.insert_or_assign(std::string(turned_key), std::int64_t{1});
    }
  }
  erase_nodes(graph, gone);
}

void fold_normalizations(Program& program) {
  Graph& graph = program.graph;
  const Uses uses(graph);
  std::set<const Node*> gone;
  for (const Node& norm : graph.nodes) {
    if (norm.op != "BatchNormalization" || norm.integer("training_mode", 0) != 0) continue;
    Node* conv = uses.only_source(graph, input_of(norm, 0));
    if (conv == nullptr || conv->op != "Conv" || !is_layer(program, *conv)) continue;
    const auto channels = find(program, *conv, 1)->signature.shape[0];
    std::vector<std::span<const float>> numbers;
    for (std::size_t i = 1; i <= 4; ++i) {
      const Value* value = find(program, norm, i);
      if (is_float(value) && value->known && value->signature.shape == Shape{channels}) {
        numbers.push_back(value->known->floats());
      }
    }
    const Value* old_bias = find(program, *conv, 2);
    if (numbers.size() != 4 || (conv->has_input(2) && !(is_float(old_bias) && old_bias->known)))
      continue;
    std::vector<double> factors;
    std::vector<float> bias;
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
      const auto number = [&](std::size_t i) { return static_cast<double>(numbers[i][c]); };
      const double epsilon = static_cast<double>(norm.number("epsilon", 1e-5F));
      factors.push_back(number(0) / std::sqrt(number(3) + epsilon));
      const double before = old_bias ? static_cast<double>(old_bias->known->floats()[c]) : 0;
      bias.push_back(static_cast<float>(number(1) + (before - number(2)) * factors.back()));
    }
    const std::string name = norm.outputs[0];
    Weights scaled = scale_rows(weights_of(*find(program, *conv, 1)), factors);
    program.constants.insert_or_assign(name + ".weight", to_value(std::move(scaled)));
    program.constants.insert_or_assign(name + ".bias",
                                       to_value(Weights(DenseTensor{{channels}, std::move(bias)})));
    conv->inputs = {conv->inputs[0], name + ".weight", name + ".bias"};
    conv->outputs = {name};
    gone.insert(&norm);
  }
  erase_nodes(graph, gone);
}

void fuse_biases(Program& program) {
  Graph& graph = program.graph;
  const Uses uses(graph);
  std::set<const Node*> gone;
  for (const Node& sum : graph.nodes) {
    if (sum.op != "Add") continue;
    for (const std::size_t side : {0U, 1U}) {
      Node* product = uses.only_source(graph, input_of(sum, side));
      const Value* bias = find(program, sum, 1 - side);
      if (product == nullptr || product->op != "MatMul" || product->has_input(2) ||
          !is_layer(program, *product) || !is_float(bias) || !bias->known ||
          bias->signature.shape != Shape{find(program, *product, 1)->signature.shape[0]}) {
        continue;
      }
      product->inputs.resize(3);
      product->inputs[2] = sum.inputs[1 - side];
      product->outputs = sum.outputs;
      gone.insert(&sum);
      break;
    }
  }
  erase_nodes(graph, gone);
}

void find_swishes(Program& program) {
  Graph& graph = program.graph;
  const Uses uses(graph);
  std::set<const Node*> gone;
  for (Node& product : graph.nodes) {
    if (product.op != "Mul") continue;
    for (const std::size_t side : {0U, 1U}) {
      const Node* gate = uses.only_source(graph, input_of(product, side));
      const std::string& x = input_of(product, 1 - side);
      if (gate == nullptr || x.empty() || input_of(*gate, 0) != x) continue;
      const auto swish = swish_of(*gate);
      if (swish.empty()) continue;
      gone.insert(gate);
      product.op = swish;
      product.inputs = {std::string(x)};
      break;
    }
  }
  erase_nodes(graph, gone);
}

void find_gelus(Program& program) {
  Graph& graph = program.graph;
  const Uses uses(graph);
  std::set<const Node*> gone;
  const auto same = [](const std::string& factor, auto&) { return factor; };
  const auto halved = [&](const std::string& factor, std::vector<const Node*>& nodes) {
    const Node* half = uses.only_source(graph, factor);
    nodes.push_back(half);
    return beside(program, half, "Mul", 0.5F);
  };
  for (Node& node : graph.nodes) {
    std::vector<const Node*> parts;
    // Either the product is halved, or x beforehand.
    auto x = gelu_input(program, uses, node, halved, parts);
    const auto whole = x.empty() ? beside(program, &node, "Mul", 0.5F) : std::string();
    const Node* product = whole.empty() ? nullptr : uses.only_source(graph, whole);
    if (product != nullptr) {
      x = gelu_input(program, uses, *product, same, parts);
      parts.push_back(product);
    }
    if (x.empty()) continue;
    gone.insert(parts.begin(), parts.end());
    node.op = "Gelu";
    node.inputs = {x};
  }
  erase_nodes(graph, gone);
}

void fuse_functions(Program& program) {
  Graph& graph = program.graph;
  const Uses uses(graph);
  std::set<const Node*> gone;
  for (const Node& node : graph.nodes) {
    const auto function = function_of(program, node);
    if (!function) continue;
    Node* layer = uses.only_source(graph, input_of(node, 0));
    if (layer == nullptr || gone.contains(layer) || !is_layer(program, *layer) ||
        layer->has(function_key)) {
      continue;
    }
    auto& attributes = layer->attributes;
    attributes.insert_or_assign(std::string(function_key),
                                static_cast<std::int64_t>(function->kind));
    attributes.insert_or_assign(std::string(alpha_key), function->alpha);
    attributes.insert_or_assign(std::string(beta_key), function->beta);
    layer->outputs = node.outputs;
    gone.insert(&node);
  }
  erase_nodes(graph, gone);
}

void fuse_sums(Program& program, std::span<const Signatures> guesses) {
  Graph& graph = program.graph;
  const Uses uses(graph);
  std::set<const Node*> gone;
  const auto same = [&](const std::string& a, const std::string& b) {
    return std::ranges::all_of(guesses, [&](const Signatures& signatures) {
      const auto one = signatures.find(a), other = signatures.find(b);
      return one != signatures.end() && other != signatures.end() && one->second == other->second;
    });
  };
  for (Node& sum : graph.nodes) {
    if (sum.op != "Add" || !same(sum.inputs[0], sum.inputs[1])) continue;
    for (const std::size_t side : {0U, 1U}) {
      Node* layer = uses.only_source(graph, sum.inputs[side]);
      if (layer == nullptr || gone.contains(layer) || !is_layer(program, *layer) ||
          layer->has_input(3) || layer->has(function_key)) {
        continue;
      }
      // It moves to where the sum stands, where both are there.
      Node fused = *layer;
      fused.inputs.resize(4);
      fused.inputs[3] = sum.inputs[1 - side];
      fused.outputs = sum.outputs;
      sum = std::move(fused);
      gone.insert(layer);
      break;
    }
  }
  erase_nodes(graph, gone);
  fuse_functions(program);
}

void expand_others(Program& program) {
  const auto stays = [&](const Node& node, std::size_t input) {
    if (node.op == "LSTM" || node.op == "GRU" || node.op == "RNN") return input == 1 || input == 2;
    return input == 1 && (is_layer(program, node) || node.has(turned_key));
  };
  for (const Node& node : program.graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Value* value = find(program, node, i);
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
