// The structure of a network: nodes that name the values they read and write, as in ONNX, and the
// constants among those values. A plain value: imported from ONNX, built by the zoo, evaluated by
// Network (LibTorch) and Session (our kernels), exported again.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

/// Element types that values may have; numbers are ONNX's TensorProto.DataType.
enum class ElementType : std::uint8_t {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
};

/// Bytes of one element.
[[nodiscard]] std::size_t element_bytes(ElementType type) noexcept;
[[nodiscard]] std::string_view name(ElementType type) noexcept;

/// A typed constant. Elements are row-major, in the machine's (little) byte order; booleans are
/// bytes 0 and 1. Copies share storage, which is never changed after construction.
class Constant {
 public:
  Constant() : Constant(ElementType::float32, {0}, {}) {}

  /// Throws Error(invalid_data) unless `bytes` has as many elements as `shape` says.
  Constant(ElementType type, Shape shape, std::vector<std::byte> bytes);
  static Constant of(Shape shape, std::span<const float> values);
  static Constant of(Shape shape, std::span<const std::int64_t> values);

  [[nodiscard]] ElementType type() const noexcept { return type_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::int64_t count() const noexcept { return element_count(shape_); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return *bytes_; }

  /// The elements as float32; throws Error(invalid_data) for another type.
  [[nodiscard]] std::span<const float> floats() const;

  /// The elements converted from any integer type or boolean; throws Error(invalid_data) otherwise.
  [[nodiscard]] std::vector<std::int64_t> integers() const;

  bool operator==(const Constant& other) const;

 private:
  ElementType type_;
  Shape shape_;
  std::shared_ptr<const std::vector<std::byte>> bytes_;
};

using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>,
                               std::vector<float>, std::vector<std::string>, Constant>;

struct Node {
  std::string name;                  ///< May be empty; messages then use op and first output.
  std::string op;                    ///< ONNX operator type of the default domain: "Conv".
  std::vector<std::string> inputs;   ///< Names of values; "" is an optional input left out.
  std::vector<std::string> outputs;  ///< Likewise.
  std::map<std::string, Attribute, std::less<>> attributes;

  /// The attribute, or the fallback if absent; throws Error(invalid_data) if it has another type.
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback) const;
  [[nodiscard]] float number(std::string_view key, float fallback) const;
  [[nodiscard]] std::string text(std::string_view key, std::string_view fallback) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key,
                                                   std::vector<std::int64_t> fallback = {}) const;
  [[nodiscard]] bool has(std::string_view key) const { return attributes.contains(key); }
  [[nodiscard]] bool has_input(std::size_t i) const {
    return i < inputs.size() && !inputs[i].empty();
  }

  bool operator==(const Node&) const = default;
};

/// "Conv node 'layer1/conv1'": how messages name a node.
[[nodiscard]] std::string describe(const Node& node);

/// An input or output of a graph. An extent of -1 is not known beforehand (the batch, usually).
struct ValueInfo {
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape;
  bool ranked = true;  ///< False: not even the rank is known, and the shape is empty.

  bool operator==(const ValueInfo&) const = default;
};

struct Graph {
  std::string name;
  std::int64_t opset = 13;        ///< Version of ONNX's default operator set that nodes follow.
  std::vector<ValueInfo> inputs;  ///< Without those that are constants.
  std::vector<ValueInfo> outputs;
  std::vector<Node> nodes;  ///< Each after those whose values it reads.
  std::map<std::string, Constant, std::less<>> constants;  ///< ONNX's initializers.

  bool operator==(const Graph&) const = default;
};

/// What a floating-point constant is to the network.
enum class Role {
  weight,         ///< Multiplied with activations: what is quantized by default.
  bias,           ///< Added to activations.
  normalization,  ///< Scale, bias, mean or variance of a normalisation.
  other,
};

/// A float constant that some node reads, with its role in the first node that reads it.
struct ParameterInfo {
  std::string name;
  Role role = Role::other;
  std::size_t node = 0;   ///< Index of that node in Graph::nodes.
  std::size_t input = 0;  ///< Which of its inputs.
};

/// Whether it has elements and all are equal, to the bit: pack_graph() keeps it in a few bytes, so
/// that it need not be a tensor of a file.
[[nodiscard]] bool is_uniform(const Constant& constant) noexcept;

/// All float32 constants that nodes read, in the order of the nodes that first read them. Weights
/// are inputs of Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU, RNN and Gather (embedding tables).
[[nodiscard]] std::vector<ParameterInfo> parameters(const Graph& graph);

/// Whether it is the mean or variance of a BatchNormalization: measured, neither trained nor
/// quantized. `info` is one of parameters(graph).
[[nodiscard]] bool is_running_statistic(const Graph& graph, const ParameterInfo& info) noexcept;

/// Throws Error(invalid_data) for the first of: a value read before it is written, written twice,
/// a missing output, a name that is empty.
void validate(const Graph& graph);

/// Replaces BatchNormalization's four constants by an equivalent scale and bias with mean 0,
/// variance 1 and epsilon 0: half the numbers, and what is left is what recalibration and training
/// adjust. All nodes of as many channels share the constants of zeros and ones. Nodes whose four
/// inputs are not all constants are left alone. Throws Error(invalid_data) for a variance that
/// gives no finite scale.
void normalize_batch_norm(Graph& graph);

/// The structure in a compact, versioned form of our own, and back. What nodes read and neither the
/// graph nor its nodes provide is stored beside it, as tensors of a file; `tensors` gives the names
/// of these in the file's order, so that the form need not repeat them. Constants of those names
/// are left out; the others are kept, in a few bytes where all elements are equal. Names of nodes
/// are dropped, and values that are neither inputs, outputs nor tensors get short names.
///
/// unpack_graph needs the same `tensors`; the caller adds them as constants. Throws
/// Error(corrupt_data), or Error(unsupported_version) for a later form.
[[nodiscard]] std::vector<std::byte> pack_graph(const Graph& graph,
                                                std::span<const std::string> tensors = {});
[[nodiscard]] Graph unpack_graph(std::span<const std::byte> bytes,
                                 std::span<const std::string> tensors = {});

}  // namespace laconic
