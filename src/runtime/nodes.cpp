#include "runtime/nodes.h"

#include "graph/passes.h"
#include "runtime/layer.h"

namespace laconic::runtime {

const Value* constant_input(const Program& program, const Node& node, std::size_t input) {
  if (!node.has_input(input)) return nullptr;
  const auto found = program.constants.find(node.inputs[input]);
  return found == program.constants.end() ? nullptr : &found->second;
}

const std::string& input_of(const Node& node, std::size_t i) {
  static const std::string none;
  return i < node.inputs.size() ? node.inputs[i] : none;
}

bool is_float(const Value* value) {
  return value != nullptr && value->signature.type == ElementType::float32;
}

Uses::Uses(const Graph& graph) : reads(count_reads(graph)) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const auto& output : graph.nodes[i].outputs) writer[output] = i;
  }
}

Node* Uses::source(Graph& graph, const std::string& value) const {
  const auto found = writer.find(value);
  return value.empty() || found == writer.end() ? nullptr : &graph.nodes[found->second];
}

Node* Uses::only_source(Graph& graph, const std::string& value, int times) const {
  const auto count = reads.find(value);
  return count != reads.end() && count->second == times ? source(graph, value) : nullptr;
}

void erase_nodes(Graph& graph, const Nodes& gone) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    if (!gone.contains(&node)) kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
}

bool is_layer(const Program& program, const Node& node) {
  const Value* weight = constant_input(program, node, 1);
  if (!is_float(weight)) return false;
  if (node.op == "Conv") return is_packable_conv(node, weight->signature.shape.size());
  if (node.op == "MatMul") return node.has(turned_key);
  if (node.op != "Gemm" || !is_packable_gemm(node)) return false;
  const Value* bias = constant_input(program, node, 2);
  return !node.has_input(2) ||
         (is_float(bias) && bias->known && bias->signature.count() == weight->signature.shape[0]);
}

std::optional<Nonlinearity> function_of(const Program& program, const Node& node) {
  auto function = nonlinearity_of(node);
  if (!function || node.op != "Clip") return function;
  for (const std::size_t i : {1U, 2U}) {
    if (!node.has_input(i)) continue;
    const Value* bound = constant_input(program, node, i);
    if (!is_float(bound) || !bound->known || bound->signature.count() != 1) return {};
    (i == 1 ? function->alpha : function->beta) = bound->known->floats()[0];
  }
  return function;
}

}  // namespace laconic::runtime
