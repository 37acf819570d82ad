#include "curvature/readers.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace laconic::curvature {

Readers readers_of(const Graph& graph, const std::string& parameter) {
  using Axes = std::vector<std::int64_t>;
  Axes as_it_is(graph.constants.find(parameter)->second.shape().size());
  std::iota(as_it_is.begin(), as_it_is.end(), std::int64_t{0});
  std::map<std::string_view, Axes> values = {{parameter, as_it_is}};
  Readers readers;
  for (const auto& node : graph.nodes) {  // each stands after those whose values it reads
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const auto read = values.find(node.inputs[i]);
      if (read == values.end()) continue;
      const Axes& axes = read->second;
      if (node.op != "Transpose") {
        readers.nodes.push_back({&node, i, axes});
        continue;
      }
      Axes order = node.integers("perm", Axes(as_it_is.rbegin(), as_it_is.rend()));
      for (auto& axis : order) axis = axes.at(static_cast<std::size_t>(axis));
      readers.transposed.push_back(node.outputs[0]);
      values.emplace(node.outputs[0], std::move(order));
    }
  }
  return readers;
}

}  // namespace laconic::curvature
