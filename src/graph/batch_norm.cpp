#include <algorithm>
#include <cmath>
#include <vector>

#include "graph/fresh_names.h"
#include "graph/passes.h"
#include "laconic/error.h"

namespace laconic {
namespace {

bool is_constant_channels(const Graph& graph, const Node& node) {
  if (node.inputs.size() != 5) return false;
  Shape shape;
  for (std::size_t i = 1; i < 5; ++i) {
    const auto found = graph.constants.find(node.inputs[i]);
    if (found == graph.constants.end()) return false;
    const Constant& constant = found->second;
    if (constant.type() != ElementType::float32 || constant.shape().size() != 1) return false;
    if (i > 1 && constant.shape() != shape) return false;
    shape = constant.shape();
  }
  return true;
}

bool is_inference(const Node& node) {
  return node.op == "BatchNormalization" && node.integer("training_mode", 0) == 0 &&
         std::ranges::none_of(node.outputs.begin() + 1, node.outputs.end(),
                              [](const auto& output) { return !output.empty(); });
}

/// The constants of a graph, while nodes change what they read.
class Rewriter {
 public:
  explicit Rewriter(Graph& graph) : graph_(graph), names_(graph), reads_(count_reads(graph)) {}

  void rewrite(Node& node) {
    const auto input = [&](std::size_t i) { return graph_.constants.at(node.inputs[i]).floats(); };
    const auto scale = input(1), bias = input(2), mean = input(3), variance = input(4);
    const double epsilon = node.number("epsilon", 1e-5f);
    std::vector<float> new_scale(scale.size()), new_bias(scale.size());
    for (std::size_t c = 0; c < scale.size(); ++c) {
      const double deviation = std::sqrt(variance[c] + epsilon);
      const double factor = scale[c] / deviation;
      new_scale[c] = static_cast<float>(factor);
      new_bias[c] = static_cast<float>(bias[c] - mean[c] * factor);
      if (!std::isfinite(new_scale[c]) || !std::isfinite(new_bias[c])) {
        fail(ErrorCode::invalid_data, "{}: channel {} has variance {} with epsilon {}",
             describe(node), c, variance[c], epsilon);
      }
    }
    replace(node, 1, new_scale);
    replace(node, 2, new_bias);
    const auto channels = static_cast<std::int64_t>(scale.size());
    node.inputs[3] = uniform("zeros", channels, 0);
    node.inputs[4] = uniform("ones", channels, 1);
    node.attributes["epsilon"] = 0.0f;
  }

 private:
  /// Keeps the constant's name, unless others read it too.
  void replace(Node& node, std::size_t input, const std::vector<float>& values) {
    std::string& name = node.inputs[input];
    if (reads_[name] > 1) {
      --reads_[name];
      name = names_.make(name);
      reads_[name] = 1;
    }
    const Shape shape{static_cast<std::int64_t>(values.size())};
    graph_.constants[name] = Constant::of(shape, std::span<const float>(values));
  }

  /// A constant that all nodes with as many channels share.
  std::string uniform(std::string_view what, std::int64_t channels, float value) {
    const std::vector<float> values(static_cast<std::size_t>(channels), value);
    const Constant constant = Constant::of({channels}, std::span<const float>(values));
    const std::string wanted = fmt::format("{}.{}", what, channels);
    auto& name = uniform_[wanted];
    if (name.empty()) {
      const auto present = graph_.constants.find(wanted);
      const bool fits = present != graph_.constants.end() && present->second == constant;
      name = fits ? wanted : names_.make(wanted);
      graph_.constants.emplace(name, constant);
    }
    return name;
  }

  Graph& graph_;
  FreshNames names_;
  std::map<std::string, int, std::less<>> reads_;
  std::map<std::string, std::string, std::less<>> uniform_;
};

}  // namespace

void normalize_batch_norm(Graph& graph) {
  Rewriter rewriter(graph);
  for (auto& node : graph.nodes) {
    if (is_inference(node) && is_constant_channels(graph, node)) rewriter.rewrite(node);
  }
  drop_unread_constants(graph);
}

}  // namespace laconic
