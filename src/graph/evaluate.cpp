#include "graph/evaluate.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace laconic {
namespace {

struct Row {
  std::string_view op;
  Evaluated (*function)(const Operands&);
};

constexpr std::array table{
    Row{"Add", evaluate_arithmetic},
    Row{"And", evaluate_comparison},
    Row{"Cast", evaluate_cast},
    Row{"Concat", evaluate_concat},
    Row{"ConstantOfShape", evaluate_constant_of_shape},
    Row{"DequantizeLinear", evaluate_dequantize},
    Row{"Div", evaluate_arithmetic},
    Row{"Equal", evaluate_comparison},
    Row{"Expand", evaluate_expand},
    Row{"Flatten", evaluate_flatten},
    Row{"Gather", evaluate_gather},
    Row{"Greater", evaluate_comparison},
    Row{"Less", evaluate_comparison},
    Row{"Max", evaluate_arithmetic},
    Row{"Min", evaluate_arithmetic},
    Row{"Mul", evaluate_arithmetic},
    Row{"Not", evaluate_not},
    Row{"Or", evaluate_comparison},
    Row{"Range", evaluate_range},
    Row{"Reshape", evaluate_reshape},
    Row{"Shape", evaluate_shape},
    Row{"Slice", evaluate_slice},
    Row{"Sqrt", evaluate_sqrt},
    Row{"Squeeze", evaluate_squeeze},
    Row{"Sub", evaluate_arithmetic},
    Row{"Transpose", evaluate_transpose},
    Row{"Unsqueeze", evaluate_unsqueeze},
    Row{"Where", evaluate_where},
};

template <typename T>
std::int64_t load(const Constant& constant, std::size_t i) noexcept {
  T value;
  std::memcpy(&value, constant.bytes().data() + i * sizeof(T), sizeof(T));
  return static_cast<std::int64_t>(value);
}

}  // namespace

Evaluated evaluate(const Operands& operands) {
  const auto row = std::ranges::find(table, operands.node.op, &Row::op);
  if (row == table.end() || operands.input(0) == nullptr) return {};
  return row->function(operands);
}

bool is_small(const Shape& shape, const Operands& operands) {
  std::int64_t limit = 1 << 16;
  std::int64_t total = 0;
  for (const auto* input : operands.inputs) total += input != nullptr ? input->count() : 0;
  limit = std::max(limit, total);
  std::int64_t count = 1;
  for (const auto extent : shape) {
    if (extent == 0) return true;
    if (extent < 0 || count > limit / extent) return false;
    count *= extent;
  }
  return true;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() < b.size() ? b : a;
  const Shape& shorter = a.size() < b.size() ? a : b;
  Shape out = longer;
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    auto& extent = out[out.size() - 1 - i];
    const auto other = shorter[shorter.size() - 1 - i];
    if (extent == 1) {
      extent = other;
    } else if (other != 1 && other != extent) {
      return {};
    }
  }
  if (std::ranges::any_of(out, [](auto extent) { return extent < 0; })) return {};
  return out;
}

BroadcastIndex::BroadcastIndex(const Shape& operand, const Shape& output)
    : extents_(output.begin(), output.end()), strides_(output.size(), 0), at_(output.size(), 0) {
  std::size_t stride = 1;
  for (std::size_t i = 0; i < operand.size(); ++i) {
    const auto extent = static_cast<std::size_t>(operand[operand.size() - 1 - i]);
    if (extent != 1) strides_[output.size() - 1 - i] = stride;
    stride *= extent;
  }
}

void BroadcastIndex::advance() noexcept {
  for (std::size_t axis = extents_.size(); axis-- > 0;) {
    position_ += strides_[axis];
    if (++at_[axis] < extents_[axis]) return;
    position_ -= strides_[axis] * extents_[axis];
    at_[axis] = 0;
  }
}

bool is_integer(ElementType type) noexcept {
  return type != ElementType::float32 && type != ElementType::float16 &&
         type != ElementType::float64 && type != ElementType::uint64;
}

std::int64_t integer_at(const Constant& constant, std::size_t i) noexcept {
  switch (constant.type()) {
    case ElementType::int8:
      return load<std::int8_t>(constant, i);
    case ElementType::int16:
      return load<std::int16_t>(constant, i);
    case ElementType::uint16:
      return load<std::uint16_t>(constant, i);
    case ElementType::int32:
      return load<std::int32_t>(constant, i);
    case ElementType::uint32:
      return load<std::uint32_t>(constant, i);
    case ElementType::int64:
      return load<std::int64_t>(constant, i);
    default:
      return load<std::uint8_t>(constant, i);
  }
}

IntegerWriter::IntegerWriter(ElementType type, Shape shape)
    : type_(type),
      shape_(std::move(shape)),
      bytes_(static_cast<std::size_t>(element_count(shape_)) * element_bytes(type)) {}

void IntegerWriter::put(std::int64_t value) noexcept {
  const std::size_t width = element_bytes(type_);
  std::memcpy(bytes_.data() + position_, &value, width);
  position_ += width;
}

}  // namespace laconic
