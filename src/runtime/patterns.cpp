// Passes that know operators by what exporters write for them.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "runtime/nodes.h"

namespace laconic::runtime {
namespace {

/// The operator that a value times `node` of it is.
std::string_view swish_of(const Node& node) {
  if (node.op == "Sigmoid") return "Swish";
  constexpr float sixth = 1.0F / 6;
  const bool of_swish = node.op == "HardSigmoid" &&
                        std::abs(node.number("alpha", 0.2F) - sixth) < 1e-7F &&
                        node.number("beta", 0.5F) == 0.5F;
  return of_swish ? "HardSwish" : "";
}

/// A node's input beside a constant number; empty names where there is none.
struct BesideNumber {
  std::string input;
  float number = 0;
};

BesideNumber beside_number(const Program& program, const Node* node, std::string_view op) {
  if (node == nullptr || node->op != op) return {};
  for (const std::size_t i : {1U, 0U}) {
    const Value* constant = constant_input(program, *node, i);
    if (!is_float(constant) || !constant->known || constant->signature.count() != 1 ||
        constant->signature.rank() > 1) {
      continue;
    }
    // What is divided, or raised to a power, comes first.
    if (i == 0 && (op == "Div" || op == "Pow")) return {};
    return {input_of(*node, 1 - i), constant->known->floats()[0]};
  }
  return {};
}

/// The input beside a constant of about that value; empty if there is none.
std::string beside(const Program& program, const Node* node, std::string_view op, float value) {
  auto found = beside_number(program, node, op);
  return std::abs(found.number - value) < 1e-6F * value ? std::move(found.input) : std::string();
}

/// What is divided by a number, or multiplied by its inverse.
std::string divided_by(const Program& program, const Node* node, float number) {
  auto x = beside(program, node, "Div", number);
  return x.empty() ? beside(program, node, "Mul", 1 / number) : x;
}

/// What 1 + erf(x / sqrt(2)) is computed from, if that is what `sum` is; and the nodes that do.
std::string gate_input(Program& program, const Uses& uses, const Node* sum,
                       std::vector<const Node*>& nodes) {
  Graph& graph = program.graph;
  const std::string erf_output = beside(program, sum, "Add", 1);
  const Node* erf = erf_output.empty() ? nullptr : uses.only_source(graph, erf_output);
  if (erf == nullptr || erf->op != "Erf") return {};
  const Node* scaled = uses.only_source(graph, input_of(*erf, 0));
  nodes = {sum, erf, scaled};
  return divided_by(program, scaled, std::numbers::sqrt2_v<float>);
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

/// Of a value that is Clip(x + 3, 0, 6) and nothing else's input: x.
std::string clip_input(Program& program, const Uses& uses, const std::string& value,
                       std::vector<const Node*>& nodes) {
  const Node* clip = uses.only_source(program.graph, value);
  const auto function =
      clip != nullptr && clip->op == "Clip" ? function_of(program, *clip) : std::nullopt;
  if (!function || function->alpha != 0 || function->beta != 6) return {};
  const Node* sum = uses.only_source(program.graph, input_of(*clip, 0));
  nodes = {clip, sum};
  return beside(program, sum, "Add", 3);
}

/// A mean over the last axis of a value of that rank, which keeps that axis: of what.
std::string mean_of(const Program& program, const Node* mean, std::int64_t rank) {
  if (mean == nullptr || mean->op != "ReduceMean" || mean->integer("keepdims", 1) == 0) return {};
  auto axes = mean->integers("axes");
  const Value* input = constant_input(program, *mean, 1);
  if (program.graph.opset >= 18) {
    if (input == nullptr || !input->known || input->signature.type != ElementType::int64) return {};
    axes = input->known->integers();
  }
  const bool last = axes.size() == 1 && (axes[0] == -1 || axes[0] == rank - 1);
  return last ? input_of(*mean, 0) : std::string();
}

/// What computes (x - mean) / sqrt(variance + epsilon).
struct Normalized {
  std::string x;
  float epsilon = 0;
  std::vector<const Node*> nodes;
};

/// `rank` is that of the values.
Normalized normalized_by(Program& program, const Uses& uses, const Node* quotient,
                         std::int64_t rank) {
  Graph& graph = program.graph;
  if (quotient == nullptr || quotient->op != "Div") return {};
  const std::string& centred = input_of(*quotient, 0);
  const Node* root = uses.only_source(graph, input_of(*quotient, 1));
  if (root == nullptr || root->op != "Sqrt") return {};
  const Node* sum = uses.only_source(graph, input_of(*root, 0));
  const auto [variance, epsilon] = beside_number(program, sum, "Add");
  const Node* mean_square = uses.only_source(graph, variance);
  const Node* square = uses.only_source(graph, mean_of(program, mean_square, rank));
  if (square == nullptr) return {};
  const bool product =
      square->op == "Mul" && input_of(*square, 0) == centred && input_of(*square, 1) == centred;
  if (!product && beside(program, square, "Pow", 2) != centred) return {};
  const Node* difference = uses.only_source(graph, centred, product ? 3 : 2);
  if (difference == nullptr || difference->op != "Sub") return {};
  const Node* mean = uses.only_source(graph, input_of(*difference, 1));
  const std::string& x = input_of(*difference, 0);
  if (x.empty() || mean_of(program, mean, rank) != x) return {};
  return {x, epsilon, {quotient, root, sum, mean_square, square, difference, mean}};
}

/// The constant beside which a node's other input stands: as many numbers as `extent`, which all
/// lie on the last axis. Its position, and the other's; nothing if there is none.
std::optional<std::pair<std::size_t, std::size_t>> vector_beside(const Program& program,
                                                                 const Node& node,
                                                                 std::string_view op,
                                                                 std::int64_t extent) {
  if (node.op != op) return {};
  for (const std::size_t i : {1U, 0U}) {
    const Value* constant = constant_input(program, node, i);
    if (is_float(constant) && constant->known && constant->signature.shape == Shape{extent})
      return {{i, 1 - i}};
  }
  return {};
}

}  // namespace

void find_hard_sigmoids(Program& program) {
  Graph& graph = program.graph;
  rewrite(graph, [&](Node& node, const Uses& uses, Nodes& gone) {
    const auto whole = divided_by(program, &node, 6);
    if (whole.empty()) return;
    std::vector<const Node*> parts;
    auto x = clip_input(program, uses, whole, parts);
    std::string_view op = "HardSigmoid";
    const Node* product = x.empty() ? uses.only_source(graph, whole) : nullptr;
    for (const std::size_t side : {0U, 1U}) {
      if (product == nullptr || product->op != "Mul" || !x.empty()) continue;
      const auto gated = clip_input(program, uses, input_of(*product, side), parts);
      if (gated.empty() || gated != input_of(*product, 1 - side)) continue;
      x = gated;
      op = "HardSwish";
      parts.push_back(product);
    }
    if (x.empty()) return;
    gone.insert(parts.begin(), parts.end());
    node.op = op;
    node.inputs = {x};
    node.attributes.insert_or_assign("alpha", 1.0F / 6);
    node.attributes.insert_or_assign("beta", 0.5F);
  });
}

void find_swishes(Program& program) {
  Graph& graph = program.graph;
  rewrite(graph, [&](Node& product, const Uses& uses, Nodes& gone) {
    if (product.op != "Mul") return;
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
  });
}

void find_gelus(Program& program) {
  Graph& graph = program.graph;
  const auto same = [](const std::string& factor, auto&) { return factor; };
  rewrite(graph, [&](Node& node, const Uses& uses, Nodes& gone) {
    const auto halved = [&](const std::string& factor, std::vector<const Node*>& nodes) {
      const Node* half = uses.only_source(graph, factor);
      nodes.push_back(half);
      return beside(program, half, "Mul", 0.5F);
    };
    std::vector<const Node*> parts;
    // Either the product is halved, or x beforehand.
    auto x = gelu_input(program, uses, node, halved, parts);
    const auto whole = x.empty() ? beside(program, &node, "Mul", 0.5F) : std::string();
    const Node* product = whole.empty() ? nullptr : uses.only_source(graph, whole);
    if (product != nullptr) {
      x = gelu_input(program, uses, *product, same, parts);
      parts.push_back(product);
    }
    if (x.empty()) return;
    gone.insert(parts.begin(), parts.end());
    node.op = "Gelu";
    node.inputs = {x};
  });
}

void find_layer_normalizations(Program& program, std::span<const Signatures> guesses) {
  Graph& graph = program.graph;
  rewrite(graph, [&](Node& node, const Uses& uses, Nodes& gone) {
    const auto signature = guesses[0].find(node.outputs.empty() ? "" : node.outputs[0]);
    if (signature == guesses[0].end() || signature->second.shape.empty()) return;
    const auto rank = signature->second.rank(), extent = signature->second.shape.back();
    if (extent < 2) return;  // Of one value nothing is left, or the extent is a guess.
    const auto shift = vector_beside(program, node, "Add", extent);
    const Node* scaled = shift ? uses.only_source(graph, input_of(node, shift->second)) : nullptr;
    const auto scale =
        scaled != nullptr ? vector_beside(program, *scaled, "Mul", extent) : std::nullopt;
    if (!scale) return;
    const auto found = normalized_by(
        program, uses, uses.only_source(graph, input_of(*scaled, scale->second)), rank);
    const bool fits = !found.x.empty() && std::ranges::all_of(guesses, [&](const auto& guess) {
      const auto value = guess.find(found.x);
      return value != guess.end() && value->second.rank() == rank &&
             value->second.shape.back() == extent;
    });
    if (!fits) return;
    gone.insert(found.nodes.begin(), found.nodes.end());
    gone.insert(scaled);
    node.inputs = {found.x, scaled->inputs[scale->first], node.inputs[shift->first]};
    node.op = "LayerNormalization";
    node.attributes = {{"axis", std::int64_t{-1}}, {"epsilon", found.epsilon}};
  });
}

}  // namespace laconic::runtime
