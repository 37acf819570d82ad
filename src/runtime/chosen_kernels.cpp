#include "runtime/chosen_kernels.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/nearest.h"
#include "laconic/error.h"

namespace laconic::runtime {
namespace {

/// What stands between the quotation marks of describe(node).
std::string_view name_of(const Node& node) {
  if (!node.name.empty()) return node.name;
  const auto first = std::ranges::find_if_not(node.outputs, &std::string::empty);
  return first != node.outputs.end() ? std::string_view(*first) : std::string_view();
}

bool is_called(const Node& node, std::string_view word) {
  return word == name_of(node) || word == describe(node);
}

[[noreturn]] void refuse_name(const Graph& graph, std::span<const std::size_t> layers,
                              std::string_view word) {
  constexpr std::size_t most_told = 8;
  if (layers.empty()) {
    fail(ErrorCode::invalid_argument, "unknown layer \"{}\": the network has no layer with weights",
         word);
  }
  std::vector<std::string_view> names;
  for (const std::size_t layer : layers) names.push_back(name_of(graph.nodes[layer]));
  fail(ErrorCode::invalid_argument, "unknown layer \"{}\"; valid, nearest first: {}", word,
       nearest_first(word, std::move(names), most_told));
}

}  // namespace

std::map<std::size_t, LayerKernels> find_forced(
    const Graph& graph, std::span<const std::size_t> layers,
    const std::map<std::string, LayerKernels, std::less<>>& by_name) {
  std::map<std::size_t, LayerKernels> forced;
  for (const auto& [word, kernels] : by_name) {
    bool found = false;
    for (const std::size_t layer : layers) {
      if (!is_called(graph.nodes[layer], word)) continue;
      forced.insert_or_assign(layer, kernels);
      found = true;
    }
    if (!found) refuse_name(graph, layers, word);
  }
  return forced;
}

}  // namespace laconic::runtime
