// How passes look at a program's nodes and change them.

#pragma once

#include <optional>
#include <set>
#include <string>

#include "runtime/nonlinearity.h"
#include "runtime/program.h"

namespace laconic::runtime {

/// The constant that is a node's input; null if it is none.
[[nodiscard]] const Value* constant_input(const Program& program, const Node& node,
                                          std::size_t input);

/// The name of a node's input; empty where it is left out, as a damaged graph may have any.
[[nodiscard]] const std::string& input_of(const Node& node, std::size_t i);

[[nodiscard]] bool is_float(const Value* value);

/// Where nodes stand that write and read values, as the graph was when this was made.
struct Uses {
  std::map<std::string, int, std::less<>> reads;
  std::map<std::string, std::size_t, std::less<>> writer;

  explicit Uses(const Graph& graph);

  /// The node that writes `value`; null if there is none.
  [[nodiscard]] Node* source(Graph& graph, const std::string& value) const;

  /// The same, if nothing reads it but one node, `times` times.
  [[nodiscard]] Node* only_source(Graph& graph, const std::string& value, int times = 1) const;
};

using Nodes = std::set<const Node*>;

void erase_nodes(Graph& graph, const Nodes& gone);

/// Calls body(node, uses, gone) with every node, then erases those that it put into `gone`. `uses`
/// are those before.
template <typename Body>
void rewrite(Graph& graph, Body body) {
  const Uses uses(graph);
  Nodes gone;
  for (Node& node : graph.nodes) body(node, uses, gone);
  erase_nodes(graph, gone);
}

/// Whether the node runs as a packed layer, whatever it is run on.
[[nodiscard]] bool is_layer(const Program& program, const Node& node);

/// What a node does to each value; of a Clip, if its bounds are known.
[[nodiscard]] std::optional<Nonlinearity> function_of(const Program& program, const Node& node);

}  // namespace laconic::runtime
