#include <algorithm>

#include "laconic/methods.h"

namespace laconic {
namespace {

std::int64_t gates_of(std::string_view op) {
  return op == "LSTM" ? 4 : op == "GRU" ? 3 : op == "RNN" ? 1 : 0;
}

}  // namespace

Plan plan_weights(const Graph& graph, std::string_view quantizer, Granularity granularity) {
  const auto recurrent = std::find_if(graph.nodes.rbegin(), graph.nodes.rend(),
                                      [](const Node& node) { return gates_of(node.op) > 0; });
  // The reverse iterator's base is the node after it.
  const auto last = recurrent == graph.nodes.rend()
                        ? graph.nodes.size()
                        : static_cast<std::size_t>(recurrent.base() - graph.nodes.begin());
  Plan plan;
  for (const auto& info : parameters(graph)) {
    const auto& shape = graph.constants.find(info.name)->second.shape();
    if (info.role != Role::weight || shape.size() < 2 || info.node >= last) continue;
    Granularity own = granularity;
    const auto gates = gates_of(graph.nodes[info.node].op);
    if (gates > 0 && granularity.kind == Granularity::Kind::per_tensor && shape.size() == 3) {
      const auto weights = shape[1] / gates * shape[2];
      if (weights > 0) own = {Granularity::Kind::per_group, weights};
    }
    plan.push_back({.tensors = info.name, .quantizer = std::string(quantizer), .granularity = own});
  }
  return plan;
}

}  // namespace laconic
