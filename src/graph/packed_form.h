// The compact form of a graph, version 1. docs/format.md calls it the structure. Numbers are
// varints, texts a length and characters.
//
//   version, name, opset
//   inputs: count; each: name, type, rank + 1, extents + 1 (0: not known beforehand)
//   tensors stored beside and not listed by the caller: count; their names
//   constants that are kept: count; each: see Storage
//   templates, the distinct nodes: count; each: operator, inputs (references), outputs, attributes
//   nodes: count; each: the number of its template
//   outputs: count; each: name, type, rank + 1, extents + 1, reference
//
// A reference says where a value comes from as seen from where it is read, so that the layers of a
// deep network become equal nodes: 0 is an input left out; otherwise the lowest two bits are a
// Source and the rest says which.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace laconic::packed {

inline constexpr std::uint64_t version = 1;
inline constexpr std::int64_t opsets = std::int64_t{1} << 20;  ///< Versions of operators are below.

enum class Source : std::uint64_t {
  none = 0,
  activation = 1,  ///< How many values back: 0 is the last input or node's output before.
  constant = 2,    ///< The number of a constant that is kept.
  tensor = 3,      ///< One stored beside: how far from the one after that referred to last; zigzag.
};

/// How elements of a constant are stored: type x 4 + storage, rank, extents, elements.
enum class Storage : std::uint64_t {
  plain = 0,
  uniform = 1,   ///< One element, which all are.
  integers = 2,  ///< Zigzag varints.
};

/// Elements of all uniform constants together: what bounds the memory that a few bytes can ask for.
inline constexpr std::uint64_t most_uniform_elements = std::uint64_t{1} << 22;

/// Bytes of the templates of all nodes, each counted as often as it is used. For the same reason.
inline constexpr std::uint64_t most_node_bytes = std::uint64_t{1} << 26;

/// Number 0 says that the word follows as a text; the first word of a list has number 1. Words may
/// be appended; their order must never change.
inline constexpr std::array<std::string_view, 79> operator_words{"Conv",
                                                                 "BatchNormalization",
                                                                 "Relu",
                                                                 "Add",
                                                                 "Gemm",
                                                                 "Flatten",
                                                                 "MaxPool",
                                                                 "GlobalAveragePool",
                                                                 "Slice",
                                                                 "Pad",
                                                                 "MatMul",
                                                                 "Transpose",
                                                                 "Mul",
                                                                 "AveragePool",
                                                                 "Concat",
                                                                 "Reshape",
                                                                 "Abs",
                                                                 "And",
                                                                 "ArgMax",
                                                                 "Cast",
                                                                 "Clip",
                                                                 "Constant",
                                                                 "ConstantOfShape",
                                                                 "ConvTranspose",
                                                                 "DepthToSpace",
                                                                 "DequantizeLinear",
                                                                 "Div",
                                                                 "Dropout",
                                                                 "Elu",
                                                                 "Equal",
                                                                 "Erf",
                                                                 "Exp",
                                                                 "Expand",
                                                                 "GRU",
                                                                 "Gather",
                                                                 "GlobalMaxPool",
                                                                 "Greater",
                                                                 "HardSigmoid",
                                                                 "HardSwish",
                                                                 "Identity",
                                                                 "InstanceNormalization",
                                                                 "LRN",
                                                                 "LSTM",
                                                                 "LayerNormalization",
                                                                 "LeakyRelu",
                                                                 "Less",
                                                                 "Log",
                                                                 "LogSoftmax",
                                                                 "Max",
                                                                 "Mean",
                                                                 "Min",
                                                                 "Neg",
                                                                 "Not",
                                                                 "Or",
                                                                 "PRelu",
                                                                 "Pow",
                                                                 "QuantizeLinear",
                                                                 "RNN",
                                                                 "Range",
                                                                 "ReduceMax",
                                                                 "ReduceMean",
                                                                 "ReduceMin",
                                                                 "ReduceSum",
                                                                 "Resize",
                                                                 "Selu",
                                                                 "Shape",
                                                                 "Sigmoid",
                                                                 "Softmax",
                                                                 "Softplus",
                                                                 "SpaceToDepth",
                                                                 "Split",
                                                                 "Sqrt",
                                                                 "Squeeze",
                                                                 "Sub",
                                                                 "Sum",
                                                                 "Tanh",
                                                                 "Tile",
                                                                 "Unsqueeze",
                                                                 "Where"};

inline constexpr std::array<std::string_view, 50> attribute_words{"kernel_shape",
                                                                  "strides",
                                                                  "pads",
                                                                  "dilations",
                                                                  "group",
                                                                  "epsilon",
                                                                  "momentum",
                                                                  "axis",
                                                                  "transB",
                                                                  "transA",
                                                                  "alpha",
                                                                  "beta",
                                                                  "mode",
                                                                  "perm",
                                                                  "axes",
                                                                  "keepdims",
                                                                  "auto_pad",
                                                                  "ceil_mode",
                                                                  "count_include_pad",
                                                                  "to",
                                                                  "value",
                                                                  "output_padding",
                                                                  "output_shape",
                                                                  "hidden_size",
                                                                  "direction",
                                                                  "linear_before_reset",
                                                                  "activations",
                                                                  "activation_alpha",
                                                                  "activation_beta",
                                                                  "clip",
                                                                  "layout",
                                                                  "input_forget",
                                                                  "ratio",
                                                                  "seed",
                                                                  "training_mode",
                                                                  "gamma",
                                                                  "bias",
                                                                  "size",
                                                                  "blocksize",
                                                                  "split",
                                                                  "starts",
                                                                  "ends",
                                                                  "min",
                                                                  "max",
                                                                  "allowzero",
                                                                  "storage_order",
                                                                  "coordinate_transformation_mode",
                                                                  "nearest_mode",
                                                                  "cubic_coeff_a",
                                                                  "select_last_index"};

}  // namespace laconic::packed
