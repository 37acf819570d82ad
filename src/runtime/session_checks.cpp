#include "runtime/session_checks.h"

#include <algorithm>
#include <set>

#include "laconic/error.h"

namespace laconic::runtime {

std::vector<bool> find_told(const Graph& graph) {
  std::set<std::string, std::less<>> told;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool all = std::ranges::any_of(
        node->outputs, [&](const std::string& name) { return told.contains(name); });
    for (std::size_t i = 0; i < node->inputs.size() && node->op != "Shape"; ++i) {
      const bool named = i < 32 && (find_operator(node->op)->told >> i & 1U) != 0;
      if ((all || named) && !node->inputs[i].empty()) told.insert(node->inputs[i]);
    }
  }
  std::vector<bool> out;
  for (const auto& input : graph.inputs) out.push_back(told.contains(input.name));
  return out;
}

void check_operators(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (find_operator(node.op) == nullptr) {
      fail(ErrorCode::unsupported_operator, "{} needs an operator that is not supported",
           describe(node));
    }
    // Passes leave word for one another in attributes of such names, and trust them.
    for (const auto& [key, attribute] : node.attributes) {
      if (key.starts_with("laconic."))
        fail(ErrorCode::invalid_data, "{} has an attribute \"{}\", which no file may have",
             describe(node), key);
    }
  }
}

void check_structure(const Program& program) {
  Graph graph = program.graph;
  for (const auto& [name, value] : program.constants) graph.constants.emplace(name, Constant());
  validate(graph);
}

std::string wanted_shape(const ValueInfo& info) {
  std::string out;
  for (const auto extent : info.shape) {
    out += fmt::format("{}{}", out.empty() ? "" : "x", extent < 0 ? "?" : std::to_string(extent));
  }
  return info.shape.empty() ? "scalar" : out;
}

bool fits(const ValueInfo& info, std::span<const std::int64_t> shape) {
  if (!info.ranked) return true;
  return std::ranges::equal(info.shape, shape, [](std::int64_t wanted, std::int64_t got) {
    return wanted < 0 || wanted == got;
  });
}

void check_input(const ValueInfo& info, const TensorView& view) {
  if (view.type != info.type) {
    fail(ErrorCode::invalid_data, "input \"{}\" is {}, but must be {}", info.name, name(view.type),
         name(info.type));
  }
  const bool negative = std::ranges::any_of(view.shape, [](auto extent) { return extent < 0; });
  if (negative || !fits(info, view.shape)) {
    fail(ErrorCode::invalid_data, "input \"{}\" is {}, but must be {}", info.name, text(view.shape),
         wanted_shape(info));
  }
  std::size_t bytes = element_bytes(view.type);
  for (const auto extent : view.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(extent), &bytes))
      bytes = ~std::size_t{0};
  }
  if (bytes != view.bytes.size()) {
    fail(ErrorCode::invalid_data, "input \"{}\" has {} bytes, but {} of {} are {}", info.name,
         view.bytes.size(), text(view.shape), name(view.type), bytes);
  }
  if (reinterpret_cast<std::uintptr_t>(view.bytes.data()) % element_bytes(view.type) != 0) {
    fail(ErrorCode::invalid_data, "input \"{}\" does not start at a multiple of {} bytes",
         info.name, element_bytes(view.type));
  }
}

}  // namespace laconic::runtime
