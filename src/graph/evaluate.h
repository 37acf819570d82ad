// A few operators on constants: what computes shapes, and what stands between stored and used
// weights. Not for speed, and not for all types: what is outside is left to those who run graphs.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "laconic/graph.h"

namespace laconic {

/// A node with the constants that it reads. Pointers are null for inputs left out.
struct Operands {
  const Node& node;
  std::span<const Constant* const> inputs;

  [[nodiscard]] const Constant* input(std::size_t i) const {
    return i < inputs.size() ? inputs[i] : nullptr;
  }
};

/// The only output of a node. Nothing if its operator, its types or its form are not evaluated
/// here, if its inputs do not fit together, or if the output is large and larger than the inputs.
using Evaluated = std::optional<Constant>;
[[nodiscard]] Evaluated evaluate(const Operands& operands);

/// The functions behind the rows of the table in evaluate.cpp. The first two serve several
/// operators each. All but those of the last line find input 0 given.
Evaluated evaluate_arithmetic(const Operands& operands);
Evaluated evaluate_comparison(const Operands& operands);
Evaluated evaluate_not(const Operands& operands);
Evaluated evaluate_sqrt(const Operands& operands);
Evaluated evaluate_where(const Operands& operands);
Evaluated evaluate_cast(const Operands& operands);
Evaluated evaluate_dequantize(const Operands& operands);
Evaluated evaluate_reshape(const Operands& operands);
Evaluated evaluate_flatten(const Operands& operands);
Evaluated evaluate_squeeze(const Operands& operands);
Evaluated evaluate_unsqueeze(const Operands& operands);
Evaluated evaluate_transpose(const Operands& operands);
Evaluated evaluate_gather(const Operands& operands);
Evaluated evaluate_concat(const Operands& operands);
Evaluated evaluate_slice(const Operands& operands);
Evaluated evaluate_expand(const Operands& operands);
Evaluated evaluate_shape(const Operands& operands);
Evaluated evaluate_range(const Operands& operands);
Evaluated evaluate_constant_of_shape(const Operands& operands);

/// Whether an output of that shape has at most 65,536 elements, or no more than all inputs
/// together.
[[nodiscard]] bool is_small(const Shape& shape, const Operands& operands);

/// ONNX's two-sided broadcasting; nothing if the shapes do not fit.
[[nodiscard]] std::optional<Shape> broadcast(const Shape& a, const Shape& b);

/// Walks an output shape in row-major order and follows one operand's position, in elements. An
/// extent of 1, or one that is missing in front, is repeated.
class BroadcastIndex {
 public:
  BroadcastIndex(const Shape& operand, const Shape& output);
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  void advance() noexcept;

 private:
  std::vector<std::size_t> extents_, strides_, at_;
  std::size_t position_ = 0;
};

/// Integers of any width and booleans, but not uint64, whose values need not fit an int64.
[[nodiscard]] bool is_integer(ElementType type) noexcept;

/// Element `i` of a constant for which is_integer() holds.
[[nodiscard]] std::int64_t integer_at(const Constant& constant, std::size_t i) noexcept;

/// Elements written one after another, each cut to the width of an integer type.
class IntegerWriter {
 public:
  IntegerWriter(ElementType type, Shape shape);
  void put(std::int64_t value) noexcept;
  [[nodiscard]] Constant finish() { return {type_, std::move(shape_), std::move(bytes_)}; }

 private:
  ElementType type_;
  Shape shape_;
  std::vector<std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace laconic
