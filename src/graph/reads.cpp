#include "graph/passes.h"

namespace laconic {

std::map<std::string, int, std::less<>> count_reads(const Graph& graph) {
  std::map<std::string, int, std::less<>> reads;
  for (const auto& node : graph.nodes) {
    for (const auto& input : node.inputs) {
      if (!input.empty()) ++reads[input];
    }
  }
  for (const auto& output : graph.outputs) ++reads[output.name];
  return reads;
}

void drop_unread_constants(Graph& graph) {
  const auto reads = count_reads(graph);
  std::erase_if(graph.constants, [&](const auto& item) { return !reads.contains(item.first); });
}

}  // namespace laconic
