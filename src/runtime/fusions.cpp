// Passes that make a layer of what stands around it.

#include <algorithm>
#include <cmath>

#include "runtime/layer.h"
#include "runtime/nodes.h"
#include "runtime/nonlinearity.h"

namespace laconic::runtime {
namespace {

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

void turn_weights(Program& program) {
  Graph& graph = program.graph;
  rewrite(graph, [&](Node& node, const Uses& uses, Nodes& gone) {
    const bool product =
        node.op == "MatMul" || (node.op == "Gemm" && node.integer("transB", 0) == 0);
    if (!product || !node.has_input(1)) return;
    const Value* weight = constant_input(program, node, 1);
    Node* source = uses.only_source(graph, node.inputs[1]);
    if (weight == nullptr && source != nullptr && source->op == "Transpose") {
      weight = constant_input(program, *source, 0);
      const Integers swap{1, 0};
      if (!is_float(weight) || weight->signature.rank() != 2 ||
          source->integers("perm", swap) != swap) {
        return;
      }
      node.inputs[1] = source->inputs[0];
      gone.insert(source);
    } else if (is_float(weight) && weight->signature.rank() == 2 && weight->signature.count() > 0) {
      turn(program, node);
    } else {
      return;
    }
    if (node.op == "Gemm") {
      node.attributes.insert_or_assign("transB", std::int64_t{1});
    } else {
      node.attributes.insert_or_assign(std::string(turned_key), std::int64_t{1});
    }
  });
}

void fold_normalizations(Program& program) {
  Graph& graph = program.graph;
  rewrite(graph, [&](const Node& norm, const Uses& uses, Nodes& gone) {
    if (norm.op != "BatchNormalization" || norm.integer("training_mode", 0) != 0) return;
    Node* conv = uses.only_source(graph, input_of(norm, 0));
    if (conv == nullptr || conv->op != "Conv" || !is_layer(program, *conv)) return;
    const auto channels = constant_input(program, *conv, 1)->signature.shape[0];
    std::vector<std::span<const float>> numbers;
    for (std::size_t i = 1; i <= 4; ++i) {
      const Value* value = constant_input(program, norm, i);
      if (is_float(value) && value->known && value->signature.shape == Shape{channels}) {
        numbers.push_back(value->known->floats());
      }
    }
    const Value* old_bias = constant_input(program, *conv, 2);
    if (numbers.size() != 4 || (conv->has_input(2) && !(is_float(old_bias) && old_bias->known)))
      return;
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
    Weights scaled = scale_rows(weights_of(*constant_input(program, *conv, 1)), factors);
    program.constants.insert_or_assign(name + ".weight", to_value(std::move(scaled)));
    program.constants.insert_or_assign(name + ".bias",
                                       to_value(Weights(DenseTensor{{channels}, std::move(bias)})));
    conv->inputs = {conv->inputs[0], name + ".weight", name + ".bias"};
    conv->outputs = {name};
    gone.insert(&norm);
  });
}

void fuse_biases(Program& program) {
  Graph& graph = program.graph;
  rewrite(graph, [&](const Node& sum, const Uses& uses, Nodes& gone) {
    if (sum.op != "Add") return;
    for (const std::size_t side : {0U, 1U}) {
      Node* product = uses.only_source(graph, input_of(sum, side));
      const Value* bias = constant_input(program, sum, 1 - side);
      if (product == nullptr || product->op != "MatMul" || product->has_input(2) ||
          !is_layer(program, *product) || !is_float(bias) || !bias->known ||
          bias->signature.shape !=
              Shape{constant_input(program, *product, 1)->signature.shape[0]}) {
        continue;
      }
      product->inputs.resize(3);
      product->inputs[2] = sum.inputs[1 - side];
      product->outputs = sum.outputs;
      gone.insert(&sum);
      break;
    }
  });
}

void fuse_functions(Program& program) {
  Graph& graph = program.graph;
  rewrite(graph, [&](const Node& node, const Uses& uses, Nodes& gone) {
    const auto function = function_of(program, node);
    if (!function) return;
    Node* layer = uses.only_source(graph, input_of(node, 0));
    if (layer == nullptr || gone.contains(layer) || !is_layer(program, *layer) ||
        layer->has(function_key)) {
      return;
    }
    auto& attributes = layer->attributes;
    attributes.insert_or_assign(std::string(function_key),
                                static_cast<std::int64_t>(function->kind));
    attributes.insert_or_assign(std::string(alpha_key), function->alpha);
    attributes.insert_or_assign(std::string(beta_key), function->beta);
    layer->outputs = node.outputs;
    gone.insert(&node);
  });
}

void fuse_sums(Program& program, std::span<const Signatures> guesses) {
  Graph& graph = program.graph;
  const auto same = [&](const std::string& a, const std::string& b) {
    return std::ranges::all_of(guesses, [&](const Signatures& signatures) {
      const auto one = signatures.find(a), other = signatures.find(b);
      return one != signatures.end() && other != signatures.end() && one->second == other->second;
    });
  };
  rewrite(graph, [&](Node& sum, const Uses& uses, Nodes& gone) {
    if (sum.op != "Add" || !same(sum.inputs[0], sum.inputs[1])) return;
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
  });
  fuse_functions(program);
}

}  // namespace laconic::runtime
