// Operators whose output is made from the extents or the numbers of their inputs.

#include <algorithm>

#include "graph/evaluate.h"

namespace laconic {

Evaluated evaluate_shape(const Operands& operands) {
  const Shape& shape = operands.input(0)->shape();
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto clamped = [&](std::string_view key, std::int64_t fallback) {
    const auto position = operands.node.integer(key, fallback);
    return std::clamp<std::int64_t>(position < 0 ? position + rank : position, 0, rank);
  };
  const auto start = clamped("start", 0), end = std::max(start, clamped("end", rank));
  const auto part = std::span(shape).subspan(static_cast<std::size_t>(start),
                                             static_cast<std::size_t>(end - start));
  return Constant::of({end - start}, part);
}

Evaluated evaluate_range(const Operands& operands) {
  if (operands.inputs.size() != 3) return {};
  std::int64_t numbers[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    const Constant* input = operands.input(i);
    if (input == nullptr || input->count() != 1 || !is_integer(input->type())) return {};
    if (input->type() != operands.input(0)->type()) return {};
    numbers[i] = integer_at(*input, 0);
  }
  const auto [start, limit, step] = numbers;
  constexpr std::int64_t far = std::int64_t{1} << 40;
  if (step == 0 || std::max({std::abs(start), std::abs(limit), std::abs(step)}) > far) return {};
  const bool empty = step > 0 ? start >= limit : start <= limit;
  const Shape shape{empty ? 0 : (limit - start - (step > 0 ? 1 : -1)) / step + 1};
  if (!is_small(shape, operands)) return {};
  IntegerWriter out(operands.input(0)->type(), shape);
  for (std::int64_t i = 0; i < shape[0]; ++i) out.put(start + i * step);
  return out.finish();
}

Evaluated evaluate_constant_of_shape(const Operands& operands) {
  const Constant& extents = *operands.input(0);
  if (extents.type() != ElementType::int64 || extents.shape().size() != 1) return {};
  const Shape shape = extents.integers();
  if (!is_small(shape, operands)) return {};
  const auto count = static_cast<std::size_t>(element_count(shape));
  const auto found = operands.node.attributes.find("value");
  if (found == operands.node.attributes.end()) {
    return Constant::of(shape, std::span<const float>(std::vector<float>(count)));
  }
  const auto* value = std::get_if<Constant>(&found->second);
  if (value == nullptr || value->count() != 1) return {};
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes.insert(bytes.end(), value->bytes().begin(), value->bytes().end());
  }
  return Constant(value->type(), shape, std::move(bytes));
}

}  // namespace laconic
