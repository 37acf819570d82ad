#include <algorithm>
#include <array>
#include <set>

#include "runtime/images.h"
#include "runtime/layer.h"
#include "runtime/program.h"

namespace laconic::runtime {
namespace {

/// Operators whose output is in the order of what they read.
constexpr std::array<std::string_view, 27> following = {
    "Abs",       "Add",      "BatchNormalization",
    "Clip",      "Concat",   "Div",
    "Dropout",   "Elu",      "Erf",
    "Exp",       "Gelu",     "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu",
    "Max",       "Min",      "Mul",
    "Neg",       "Pad",      "Relu",
    "Sigmoid",   "Slice",    "Softplus",
    "Sub",       "Swish",    "Tanh"};

/// Those of them whose other inputs are no images but say what to do.
constexpr std::array<std::string_view, 5> of_one_image = {"BatchNormalization", "Clip", "Dropout",
                                                          "Pad", "Slice"};

/// Operators that read and write either order, whatever the other is.
constexpr std::array<std::string_view, 5> converting = {"AveragePool", "Conv", "GlobalAveragePool",
                                                        "GlobalMaxPool", "MaxPool"};

class Layouts {
 public:
  Layouts(const Program& program, const std::map<std::string, Signature, std::less<>>& signatures)
      : program_(program), signatures_(signatures) {}

  /// Values that are kept with channels last: all that may be, but for those in whose way an
  /// operator stands that needs them first.
  std::set<std::string, std::less<>> choose() {
    for (const Node& node : program_.graph.nodes) {
      if ((converts(node) || follows(node)) && is_image(node.outputs[0])) {
        last_.insert(node.outputs[0]);
      }
    }
    for (const auto& output : program_.graph.outputs) last_.erase(output.name);
    bool changed = true;
    while (changed) {
      const auto before = last_.size();
      for (const Node& node : program_.graph.nodes) settle(node);
      changed = last_.size() != before;
    }
    return last_;
  }

  [[nodiscard]] bool converts(const Node& node) const {
    if (std::ranges::count(converting, node.op) == 0 || node.outputs.size() != 1) return false;
    if (node.op != "Conv") return true;
    const auto weight = program_.constants.find(node.inputs[1]);
    return weight != program_.constants.end() &&
           is_packable_conv(node, weight->second.signature.shape.size());
  }

 private:
  [[nodiscard]] bool is_image(const std::string& name) const {
    const auto found = signatures_.find(name);
    return found != signatures_.end() && found->second.rank() == 4 &&
           found->second.type == ElementType::float32;
  }

  [[nodiscard]] bool follows(const Node& node) const {
    if (std::ranges::count(following, node.op) == 0 || node.outputs.size() != 1) return false;
    if (node.op == "Concat") return node.integer("axis", 1) == 1;
    if (std::ranges::count(of_one_image, node.op) > 0) return is_image(node.inputs[0]);
    return std::ranges::any_of(node.inputs,
                               [&](const auto& name) { return is_whole(name, node); }) &&
           std::ranges::all_of(node.inputs, [&](const auto& name) {
             return is_whole(name, node) || is_by_channel(name);
           });
  }

  /// Whether a value has one number for each channel, or for all: it lies alike in either order.
  [[nodiscard]] bool is_by_channel(const std::string& name) const {
    const auto found = signatures_.find(name);
    if (found == signatures_.end() || found->second.rank() > 4) return false;
    const auto& shape = found->second.shape;
    const auto places = std::min<std::ptrdiff_t>(2, std::ssize(shape));
    return std::all_of(shape.end() - places, shape.end(), [](auto extent) { return extent == 1; });
  }

  /// Whether the input has the shape of the output.
  [[nodiscard]] bool is_whole(const std::string& name, const Node& node) const {
    const auto input = signatures_.find(name), output = signatures_.find(node.outputs[0]);
    return input != signatures_.end() && output != signatures_.end() && is_image(name) &&
           input->second.shape == output->second.shape;
  }

  /// Inputs that must be in the same order as the output.
  [[nodiscard]] std::vector<std::string> tied(const Node& node) const {
    if (converts(node)) {
      return node.has_input(3) ? std::vector{node.inputs[3]} : std::vector<std::string>{};
    }
    if (node.op == "Concat") return node.inputs;
    if (std::ranges::count(of_one_image, node.op) > 0) return {node.inputs[0]};
    std::vector<std::string> out;
    for (const auto& name : node.inputs) {
      if (is_whole(name, node)) out.push_back(name);
    }
    return out;
  }

  void settle(const Node& node) {
    if (!converts(node) && !follows(node)) {
      for (const auto& name : node.inputs) last_.erase(name);
      return;
    }
    const auto inputs = tied(node);
    const auto is_last = [&](const std::string& name) { return last_.contains(name); };
    if (is_last(node.outputs[0]) && std::ranges::all_of(inputs, is_last)) return;
    if (inputs.empty()) return;
    last_.erase(node.outputs[0]);
    for (const auto& name : inputs) last_.erase(name);
  }

  const Program& program_;
  const std::map<std::string, Signature, std::less<>>& signatures_;
  std::set<std::string, std::less<>> last_;
};

}  // namespace

void choose_layouts(Program& program,
                    const std::map<std::string, Signature, std::less<>>& signatures) {
  Layouts layouts(program, signatures);
  const auto last = layouts.choose();
  for (Node& node : program.graph.nodes) {
    if (layouts.converts(node) && last.contains(node.outputs[0])) {
      node.attributes.insert_or_assign(std::string(channels_last_key), std::int64_t{1});
    }
  }
}

}  // namespace laconic::runtime
