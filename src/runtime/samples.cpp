#include "runtime/samples.h"

#include <algorithm>
#include <array>

#include "runtime/nodes.h"

namespace laconic::runtime {
namespace {

/// What of a value a sample decides.
enum class Kind {
  same,     ///< Nothing: it is the same for any batch.
  samples,  ///< Entry i of axis 0 is of sample i.
  counts,   ///< Integers that the number of samples may decide, as shapes do.
};

/// Goes through the nodes and finds what values are. Extents alone say much: where the first of an
/// output is 2 for two samples and 3 for three, and no other changes, it has its samples from a
/// batch. Rules are for what extents do not show.
class Samples {
 public:
  Samples(const Program& program, const Signatures& two, const Signatures& three)
      : program_(program), two_(two), three_(three) {}

  [[nodiscard]] bool apart() {
    const Graph& graph = program_.graph;
    for (const auto& [name, value] : program_.constants) kinds_.emplace(name, Kind::same);
    for (const auto& input : graph.inputs) {
      if (!counts_samples(input.name)) return false;
      kinds_.insert_or_assign(input.name, Kind::samples);
    }
    for (const Node& node : graph.nodes) {
      if (!take(node)) return false;
    }
    return std::ranges::all_of(graph.outputs, [&](const ValueInfo& output) {
      return kinds_.find(output.name)->second == Kind::samples;
    });
  }

 private:
  /// Finds what the node's outputs are; false if it mixes samples, or may.
  bool take(const Node& node) {
    if (std::ranges::all_of(node.outputs, &std::string::empty)) return true;  // It is not run.
    const auto all_outputs = [&](const auto& fits) {
      return std::ranges::all_of(node.outputs,
                                 [&](const auto& name) { return name.empty() || fits(name); });
    };
    const bool any = has(node, Kind::samples);
    Kind kind = Kind::same;
    if (node.op == "Shape" && any) {
      kind = Kind::counts;
    } else if (any || has(node, Kind::counts)) {
      const auto row = std::ranges::find(rules, node.op, &Row::op);
      const auto counts = [&](const std::string& name) { return counts_samples(name); };
      const auto integers = [&](const std::string& name) {
        return two_.find(name)->second.type == ElementType::int64;
      };
      if (row != rules.end() && (this->*row->rule)(node) && all_outputs(counts)) {
        kind = Kind::samples;
      } else if (!any && all_outputs(integers)) {
        kind = Kind::counts;  // What becomes of a shape is seen where it is used.
      } else {
        return false;
      }
    }
    for (const auto& output : node.outputs) kinds_.insert_or_assign(output, kind);
    return true;
  }

  [[nodiscard]] bool is(const Node& node, std::size_t i, Kind kind) const {
    return node.has_input(i) && kinds_.find(node.inputs[i])->second == kind;
  }
  [[nodiscard]] bool has(const Node& node, Kind kind) const {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (is(node, i, kind)) return true;
    }
    return false;
  }

  /// Whether the first extent is the batch, and no other depends on it.
  [[nodiscard]] bool counts_samples(const std::string& name) const {
    const Shape& two = two_.find(name)->second.shape;
    const Shape& three = three_.find(name)->second.shape;
    return !two.empty() && two.size() == three.size() && two[0] == 2 && three[0] == 3 &&
           std::equal(two.begin() + 1, two.end(), three.begin() + 1);
  }

  /// An input that is a constant of that type; null if it is not.
  [[nodiscard]] const Constant* constant(const Node& node, std::size_t i, ElementType type) const {
    const Value* value = constant_input(program_, node, i);
    const bool known = value != nullptr && value->known && value->signature.type == type;
    return known ? &*value->known : nullptr;
  }

  /// What was an attribute and became input i with opset `since`; empty where it is not known.
  [[nodiscard]] Integers integers(const Node& node, std::string_view key, std::size_t i,
                                  std::int64_t since) const {
    if (program_.graph.opset < since) return node.integers(key);
    const Constant* values = constant(node, i, ElementType::int64);
    return values == nullptr ? Integers{} : values->integers();
  }

  [[nodiscard]] std::int64_t input_rank(const Node& node) const {
    return two_.find(node.inputs[0])->second.rank();
  }

  // Rules.

  /// Its entry i of axis 0 is made of entries i of its inputs.
  [[nodiscard]] bool each(const Node& node) const { return !has(node, Kind::counts); }

  /// Rows stay in their order; the shape may be computed from shapes.
  [[nodiscard]] bool shape(const Node& node) const { return !is(node, 0, Kind::counts); }

  /// Along an axis that is not the first.
  [[nodiscard]] bool axis(const Node& node) const {
    const bool last = node.op == "LayerNormalization" || program_.graph.opset >= 13;
    const auto axis = node.integer("axis", last ? -1 : 1);
    return each(node) && axis != 0 && axis != -input_rank(node);
  }

  /// By axes that are known, and none of which is the first.
  [[nodiscard]] bool axes(const Node& node) const {
    const auto axes =
        node.op == "Slice" ? integers(node, "axes", 3, 10) : integers(node, "axes", 1, 13);
    return each(node) && !axes.empty() && std::ranges::none_of(axes, [&](std::int64_t axis) {
             return axis == 0 || axis == -input_rank(node);
           });
  }

  /// Entries of samples, or those that samples number.
  [[nodiscard]] bool gather(const Node& node) const {
    return each(node) && is(node, 0, Kind::samples) != is(node, 1, Kind::samples);
  }

  /// Nothing is put before, after or in place of samples.
  [[nodiscard]] bool pad(const Node& node) const {
    const auto pads = integers(node, "pads", 1, 11);
    const auto axes = input_rank(node);
    return each(node) && !node.has_input(3) && axes > 0 && std::ssize(pads) == 2 * axes &&
           pads[0] == 0 && pads[static_cast<std::size_t>(axes)] == 0;
  }

  /// By factors, of which that of the first axis is 1.
  [[nodiscard]] bool resize(const Node& node) const {
    const Constant* factors =
        constant(node, program_.graph.opset < 11 ? 1 : 2, ElementType::float32);
    return each(node) && !node.has_input(3) && !node.has("axes") && factors != nullptr &&
           !factors->floats().empty() && factors->floats()[0] == 1;
  }

  struct Row {
    std::string_view op;
    bool (Samples::*rule)(const Node&) const;
  };

  static constexpr std::array rules = {
      Row{"Abs", &Samples::each},
      Row{"Add", &Samples::each},
      Row{"And", &Samples::each},
      Row{"ArgMax", &Samples::each},
      Row{"AveragePool", &Samples::each},
      Row{"BatchNormalization", &Samples::each},
      Row{"Cast", &Samples::each},
      Row{"Clip", &Samples::each},
      Row{"Concat", &Samples::each},
      Row{"Conv", &Samples::each},
      Row{"ConvTranspose", &Samples::each},
      Row{"DepthToSpace", &Samples::each},
      Row{"DequantizeLinear", &Samples::each},
      Row{"Div", &Samples::each},
      Row{"Dropout", &Samples::each},
      Row{"Elu", &Samples::each},
      Row{"Equal", &Samples::each},
      Row{"Erf", &Samples::each},
      Row{"Exp", &Samples::each},
      Row{"Expand", &Samples::shape},
      Row{"Flatten", &Samples::each},
      Row{"Gather", &Samples::gather},
      Row{"Gelu", &Samples::each},
      Row{"Gemm", &Samples::each},
      Row{"GlobalAveragePool", &Samples::each},
      Row{"GlobalMaxPool", &Samples::each},
      Row{"Greater", &Samples::each},
      Row{"HardSigmoid", &Samples::each},
      Row{"HardSwish", &Samples::each},
      Row{"Identity", &Samples::each},
      Row{"InstanceNormalization", &Samples::each},
      Row{"LRN", &Samples::each},
      Row{"LayerNormalization", &Samples::axis},
      Row{"LeakyRelu", &Samples::each},
      Row{"Less", &Samples::each},
      Row{"Log", &Samples::each},
      Row{"LogSoftmax", &Samples::axis},
      Row{"MatMul", &Samples::each},
      Row{"Max", &Samples::each},
      Row{"MaxPool", &Samples::each},
      Row{"Mean", &Samples::each},
      Row{"Min", &Samples::each},
      Row{"Mul", &Samples::each},
      Row{"Neg", &Samples::each},
      Row{"Not", &Samples::each},
      Row{"Or", &Samples::each},
      Row{"PRelu", &Samples::each},
      Row{"Pad", &Samples::pad},
      Row{"Pow", &Samples::each},
      Row{"QuantizeLinear", &Samples::each},
      Row{"ReduceMax", &Samples::each},
      Row{"ReduceMean", &Samples::each},
      Row{"ReduceMin", &Samples::each},
      Row{"ReduceSum", &Samples::each},
      Row{"Relu", &Samples::each},
      Row{"Reshape", &Samples::shape},
      Row{"Resize", &Samples::resize},
      Row{"Selu", &Samples::each},
      Row{"Sigmoid", &Samples::each},
      Row{"Slice", &Samples::axes},
      Row{"Softmax", &Samples::axis},
      Row{"Softplus", &Samples::each},
      Row{"SpaceToDepth", &Samples::each},
      Row{"Split", &Samples::each},
      Row{"Sqrt", &Samples::each},
      Row{"Squeeze", &Samples::axes},
      Row{"Sub", &Samples::each},
      Row{"Sum", &Samples::each},
      Row{"Swish", &Samples::each},
      Row{"Tanh", &Samples::each},
      Row{"Transpose", &Samples::each},
      Row{"Unsqueeze", &Samples::each},
      Row{"Where", &Samples::each},
  };

  const Program& program_;
  const Signatures& two_;
  const Signatures& three_;
  std::map<std::string, Kind, std::less<>> kinds_;
};

}  // namespace

bool samples_are_apart(const Program& program, const Signatures& two, const Signatures& three) {
  return Samples(program, two, three).apart();
}

}  // namespace laconic::runtime
