#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "graph/passes.h"

namespace laconic {
namespace {

/// What input `input` of operator `op` is to a network if it is a constant.
struct RoleRow {
  std::string_view op;
  std::size_t first;
  std::size_t last;
  Role role;
};

constexpr std::size_t any = 1000;

constexpr std::array roles{
    RoleRow{"Conv", 1, 1, Role::weight},
    RoleRow{"Conv", 2, 2, Role::bias},
    RoleRow{"ConvTranspose", 1, 1, Role::weight},
    RoleRow{"ConvTranspose", 2, 2, Role::bias},
    RoleRow{"Gemm", 0, 1, Role::weight},
    RoleRow{"Gemm", 2, 2, Role::bias},
    RoleRow{"MatMul", 0, 1, Role::weight},
    RoleRow{"LSTM", 1, 2, Role::weight},
    RoleRow{"LSTM", 3, 3, Role::bias},
    RoleRow{"GRU", 1, 2, Role::weight},
    RoleRow{"GRU", 3, 3, Role::bias},
    RoleRow{"RNN", 1, 2, Role::weight},
    RoleRow{"RNN", 3, 3, Role::bias},
    RoleRow{"Gather", 0, 0, Role::weight},
    RoleRow{"BatchNormalization", 1, 4, Role::normalization},
    RoleRow{"InstanceNormalization", 1, 2, Role::normalization},
    RoleRow{"LayerNormalization", 1, 2, Role::normalization},
    RoleRow{"Add", 0, 1, Role::bias},
    RoleRow{"Sub", 0, 1, Role::bias},
    RoleRow{"Sum", 0, any, Role::bias},
};

/// Operators that hand on their first input's elements in another shape or order.
constexpr std::array<std::string_view, 6> rearranging{"Transpose", "Reshape",   "Identity",
                                                      "Squeeze",   "Unsqueeze", "Flatten"};

Role role_of(std::string_view op, std::size_t input) noexcept {
  for (const auto& row : roles) {
    if (row.op == op && row.first <= input && input <= row.last) return row.role;
  }
  return Role::other;
}

struct Reader {
  std::size_t node;
  std::size_t input;
};
using FirstReaders = std::map<std::string_view, Reader, std::less<>>;

/// The role in `reader`; where that only rearranges, in the first reader of what it writes.
Role role_in(const Graph& graph, const FirstReaders& readers, Reader reader) {
  for (;;) {
    const Node& node = graph.nodes[reader.node];
    if (reader.input != 0 || node.outputs.empty() || !std::ranges::count(rearranging, node.op)) {
      return role_of(node.op, reader.input);
    }
    const auto next = readers.find(node.outputs[0]);
    // Readers stand after writers, so that the walk ends.
    if (next == readers.end() || next->second.node <= reader.node) return Role::other;
    reader = next->second;
  }
}

}  // namespace

bool is_weight_input(std::string_view op, std::size_t input) noexcept {
  return role_of(op, input) == Role::weight;
}

bool is_running_statistic(const Graph& graph, const ParameterInfo& info) noexcept {
  return graph.nodes[info.node].op == "BatchNormalization" && info.input >= 3;
}

std::vector<ParameterInfo> parameters(const Graph& graph) {
  FirstReaders readers;
  std::vector<std::string_view> order;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto& inputs = graph.nodes[n].inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].empty()) continue;
      if (readers.try_emplace(inputs[i], Reader{n, i}).second) order.push_back(inputs[i]);
    }
  }
  std::vector<ParameterInfo> out;
  for (const auto name : order) {
    const auto constant = graph.constants.find(name);
    if (constant == graph.constants.end()) continue;
    if (constant->second.type() != ElementType::float32) continue;
    const Reader reader = readers.find(name)->second;
    out.push_back({std::string(name), role_in(graph, readers, reader), reader.node, reader.input});
  }
  return out;
}

}  // namespace laconic
