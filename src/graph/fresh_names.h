// Names for values that a graph does not have yet.

#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "laconic/graph.h"

namespace laconic {

class FreshNames {
 public:
  explicit FreshNames(const Graph& graph) {
    for (const auto& value : graph.inputs) taken_.insert(value.name);
    for (const auto& value : graph.outputs) taken_.insert(value.name);
    for (const auto& [name, constant] : graph.constants) taken_.insert(name);
    for (const auto& node : graph.nodes) taken_.insert(node.outputs.begin(), node.outputs.end());
  }

  /// `wanted`, followed by a number if there is such a value already.
  [[nodiscard]] std::string make(std::string_view wanted) {
    std::string name(wanted);
    for (int number = 2; !taken_.insert(name).second; ++number) {
      name = std::string(wanted) + "." + std::to_string(number);
    }
    return name;
  }

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace laconic
