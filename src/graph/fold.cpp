#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "graph/evaluate.h"
#include "graph/passes.h"

namespace laconic {
namespace {

constexpr std::array<std::string_view, 5> rearranging{"Flatten", "Reshape", "Squeeze", "Transpose",
                                                      "Unsqueeze"};

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph), reads_(count_reads(graph)) {}

  /// True if the node is needed no more.
  bool fold(Node& node) {
    for (auto& input : node.inputs) {
      if (const auto found = aliases_.find(input); found != aliases_.end()) input = found->second;
    }
    if (node.outputs.size() != 1 || node.outputs[0].empty()) return false;
    const auto inputs = constants_of(node);
    if (inputs.empty() || keeps_parameter(node, inputs)) return false;
    // A copy would part weights that are shared.
    if (node.op == "Identity" && !is_output(node.outputs[0])) {
      aliases_[node.outputs[0]] = node.inputs[0];
      reads_[node.inputs[0]] += reads_[node.outputs[0]] - 1;
      return true;
    }
    auto value = evaluate({node, inputs});
    if (!value) return false;
    graph_.constants.emplace(node.outputs[0], std::move(*value));
    computed_.insert(node.outputs[0]);
    // Large steps on the way to a weight must not all be in memory to the end.
    for (const auto& input : node.inputs) {
      if (!input.empty() && --reads_[input] == 0) graph_.constants.erase(input);
    }
    return true;
  }

 private:
  /// What the node reads, with null for inputs left out; empty if some of it is no constant.
  std::vector<const Constant*> constants_of(const Node& node) const {
    std::vector<const Constant*> out;
    for (const auto& input : node.inputs) {
      const auto found = graph_.constants.find(input);
      if (!input.empty() && found == graph_.constants.end()) return {};
      out.push_back(input.empty() ? nullptr : &found->second);
    }
    return out;
  }

  /// Whether a tensor that the model stores would lose its name or form. Single numbers may, and
  /// so may codebooks, which stand for larger tensors.
  bool keeps_parameter(const Node& node, const std::vector<const Constant*>& inputs) const {
    if (inputs[0] == nullptr || inputs[0]->type() != ElementType::float32) return false;
    if (computed_.contains(node.inputs[0]) || inputs[0]->count() <= 1) return false;
    if (node.op == "Gather") return inputs[0]->shape().size() != 1;
    return std::ranges::count(rearranging, node.op) > 0;
  }

  bool is_output(const std::string& name) const {
    return std::ranges::count(graph_.outputs, name, &ValueInfo::name) > 0;
  }

  Graph& graph_;
  std::map<std::string, int, std::less<>> reads_;  ///< By nodes that are not folded yet.
  std::set<std::string, std::less<>> computed_;
  std::map<std::string, std::string, std::less<>> aliases_;
};

}  // namespace

void fold_constants(Graph& graph) {
  Folder folder(graph);
  std::vector<Node> kept;
  for (auto& node : graph.nodes) {
    if (!folder.fold(node)) kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
}

}  // namespace laconic
