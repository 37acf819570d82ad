#include "laconic/graph.h"

#include <set>
#include <utility>

#include "laconic/error.h"

namespace laconic {
namespace {

template <typename T>
const T* find(const Node& node, std::string_view key, std::string_view what) {
  const auto found = node.attributes.find(key);
  if (found == node.attributes.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) {
    fail(ErrorCode::invalid_data, "{}: attribute '{}' is not {}", describe(node), key, what);
  }
  return value;
}

/// The names that a graph has given to values so far.
class Names {
 public:
  void add(const std::string& name, const std::string& who) {
    if (name.empty()) fail(ErrorCode::invalid_data, "{} has no name", who);
    if (!names_.insert(name).second) {
      fail(ErrorCode::invalid_data, "value '{}' is written twice, the second time by {}", name,
           who);
    }
  }
  [[nodiscard]] bool contains(const std::string& name) const { return names_.contains(name); }

 private:
  std::set<std::string, std::less<>> names_;
};

}  // namespace

std::int64_t Node::integer(std::string_view key, std::int64_t fallback) const {
  const auto* value = find<std::int64_t>(*this, key, "an integer");
  return value != nullptr ? *value : fallback;
}

float Node::number(std::string_view key, float fallback) const {
  const auto* value = find<float>(*this, key, "a number");
  return value != nullptr ? *value : fallback;
}

std::string Node::text(std::string_view key, std::string_view fallback) const {
  const auto* value = find<std::string>(*this, key, "a text");
  return value != nullptr ? *value : std::string(fallback);
}

std::vector<std::int64_t> Node::integers(std::string_view key,
                                         std::vector<std::int64_t> fallback) const {
  const auto* value = find<std::vector<std::int64_t>>(*this, key, "a list of integers");
  return value != nullptr ? *value : std::move(fallback);
}

std::string describe(const Node& node) {
  if (!node.name.empty()) return fmt::format("{} node '{}'", node.op, node.name);
  for (const auto& output : node.outputs) {
    if (!output.empty()) return fmt::format("{} node that writes '{}'", node.op, output);
  }
  return fmt::format("{} node without a name", node.op);
}

void validate(const Graph& graph) {
  Names known;
  for (const auto& input : graph.inputs) known.add(input.name, "an input of the graph");
  for (const auto& [name, constant] : graph.constants) known.add(name, "a constant of the graph");
  for (const auto& node : graph.nodes) {
    if (node.op.empty()) fail(ErrorCode::invalid_data, "{} has no operator", describe(node));
    for (const auto& input : node.inputs) {
      if (!input.empty() && !known.contains(input)) {
        fail(ErrorCode::invalid_data, "{} reads '{}', which nothing before it writes",
             describe(node), input);
      }
    }
    for (const auto& output : node.outputs) {
      if (!output.empty()) known.add(output, describe(node));
    }
  }
  for (const auto& output : graph.outputs) {
    if (output.name.empty()) fail(ErrorCode::invalid_data, "an output of the graph has no name");
    if (!known.contains(output.name)) {
      fail(ErrorCode::invalid_data, "nothing writes the graph's output '{}'", output.name);
    }
  }
}

}  // namespace laconic
