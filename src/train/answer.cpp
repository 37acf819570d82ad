#include "train/answer.h"

#include <algorithm>

namespace laconic {

Answer answer_of(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (std::ranges::find(node.outputs, graph.outputs[0].name) == node.outputs.end()) continue;
    if (node.op == "Softmax") return Answer::probabilities;
    if (node.op == "LogSoftmax") return Answer::log_probabilities;
  }
  return Answer::logits;
}

}  // namespace laconic
