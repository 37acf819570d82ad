// Operators whose output holds elements of their inputs, whatever their type.

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "graph/evaluate.h"

namespace laconic {
namespace {

/// A list of integers that older opsets have as an attribute and newer ones as an input.
std::optional<std::vector<std::int64_t>> list(const Operands& operands, std::string_view key,
                                              std::size_t input) {
  const Constant* given = operands.input(input);
  if (given != nullptr && is_integer(given->type())) return given->integers();
  if (given == nullptr && operands.node.has(key)) return operands.node.integers(key);
  return {};
}

/// `axis` counted from the front, or nothing.
std::optional<std::size_t> front_axis(std::int64_t axis, std::size_t rank) {
  if (axis < 0) axis += static_cast<std::int64_t>(rank);
  if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) return {};
  return static_cast<std::size_t>(axis);
}

std::size_t product(const Shape& shape, std::size_t first, std::size_t last) {
  std::int64_t count = 1;
  for (std::size_t i = first; i < last; ++i) count *= shape[i];
  return static_cast<std::size_t>(count);
}

Constant same_bytes(const Constant& from, Shape shape) {
  return {from.type(), std::move(shape), {from.bytes().begin(), from.bytes().end()}};
}

/// An output whose element i is element source(i) of `from`.
template <typename Source>
Constant pick(const Constant& from, Shape shape, Source source) {
  const std::size_t width = element_bytes(from.type());
  std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(shape)) * width);
  for (std::size_t i = 0; i < bytes.size() / width; ++i) {
    std::memcpy(bytes.data() + i * width, from.bytes().data() + source(i) * width, width);
  }
  return {from.type(), std::move(shape), std::move(bytes)};
}

/// The elements `first`, first + step, ... of an axis.
struct Range {
  std::int64_t first = 0, step = 1, count = 0;
};

std::optional<Range> slice_range(std::int64_t start, std::int64_t end, std::int64_t step,
                                 std::int64_t extent) {
  if (step == 0 || step == std::numeric_limits<std::int64_t>::min()) return {};
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, extent);
    end = std::clamp<std::int64_t>(end, 0, extent);
    return Range{start, step, end > start ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<std::int64_t>(start, -1, extent - 1);
  end = std::clamp<std::int64_t>(end, -1, extent - 1);
  return Range{start, step, start > end ? (start - end - 1) / -step + 1 : 0};
}

}  // namespace

Evaluated evaluate_reshape(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto wanted = list(operands, "shape", 1);
  if (!wanted) return {};
  Shape shape = *wanted;
  std::int64_t known = 1;
  std::int64_t* unknown = nullptr;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && operands.node.integer("allowzero", 0) == 0) {
      if (i >= from.shape().size()) return {};
      shape[i] = from.shape()[i];
    }
    if (shape[i] == -1 && unknown == nullptr) {
      unknown = &shape[i];
    } else if (shape[i] < 0 ||
               (shape[i] > 0 && known > std::numeric_limits<std::int64_t>::max() / shape[i])) {
      return {};
    } else {
      known *= shape[i];
    }
  }
  if (unknown != nullptr) {
    if (known == 0 || from.count() % known != 0) return {};
    *unknown = from.count() / known;
  } else if (known != from.count()) {
    return {};
  }
  return same_bytes(from, std::move(shape));
}

Evaluated evaluate_flatten(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto rank = from.shape().size();
  const auto axis = front_axis(operands.node.integer("axis", 1), rank + 1);
  if (!axis) return {};
  return same_bytes(from, {static_cast<std::int64_t>(product(from.shape(), 0, *axis)),
                           static_cast<std::int64_t>(product(from.shape(), *axis, rank))});
}

Evaluated evaluate_squeeze(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto axes = list(operands, "axes", 1);
  std::vector<bool> drop(from.shape().size());
  for (std::size_t i = 0; i < drop.size(); ++i) drop[i] = !axes && from.shape()[i] == 1;
  for (const auto axis : axes.value_or(std::vector<std::int64_t>{})) {
    const auto front = front_axis(axis, drop.size());
    if (!front || from.shape()[*front] != 1) return {};
    drop[*front] = true;
  }
  Shape shape;
  for (std::size_t i = 0; i < drop.size(); ++i) {
    if (!drop[i]) shape.push_back(from.shape()[i]);
  }
  return same_bytes(from, std::move(shape));
}

Evaluated evaluate_unsqueeze(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto axes = list(operands, "axes", 1);
  if (!axes || axes->size() > 64) return {};
  std::vector<bool> added(from.shape().size() + axes->size());
  for (const auto axis : *axes) {
    const auto front = front_axis(axis, added.size());
    if (!front || added[*front]) return {};
    added[*front] = true;
  }
  Shape shape;
  auto next = from.shape().begin();
  for (const bool is_new : added) shape.push_back(is_new ? 1 : *next++);
  return same_bytes(from, std::move(shape));
}

Evaluated evaluate_transpose(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto rank = from.shape().size();
  std::vector<std::int64_t> reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const auto order = operands.node.integers("perm", reversed);
  if (!std::ranges::is_permutation(order, reversed)) return {};
  Shape shape(rank), strides(rank), at(rank, 0);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto axis = static_cast<std::size_t>(order[i]);
    shape[i] = from.shape()[axis];
    strides[i] = static_cast<std::int64_t>(product(from.shape(), axis + 1, rank));
  }
  std::int64_t position = 0;
  return pick(from, shape, [&](std::size_t) {
    const auto now = static_cast<std::size_t>(position);
    for (std::size_t axis = rank; axis-- > 0;) {
      position += strides[axis];
      if (++at[axis] < shape[axis]) break;
      position -= strides[axis] * shape[axis];
      at[axis] = 0;
    }
    return now;
  });
}

Evaluated evaluate_gather(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const Constant* where = operands.input(1);
  const auto rank = from.shape().size();
  const auto axis = front_axis(operands.node.integer("axis", 0), rank);
  if (where == nullptr || !is_integer(where->type()) || !axis) return {};
  Shape shape(from.shape().begin(), from.shape().begin() + static_cast<std::ptrdiff_t>(*axis));
  shape.insert(shape.end(), where->shape().begin(), where->shape().end());
  shape.insert(shape.end(), from.shape().begin() + static_cast<std::ptrdiff_t>(*axis) + 1,
               from.shape().end());
  const auto extent = from.shape()[*axis];
  const auto count = static_cast<std::size_t>(where->count());
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = integer_at(*where, i);
    if (index < -extent || index >= extent) return {};
  }
  if (!is_small(shape, operands)) return {};
  const std::size_t inner = product(from.shape(), *axis + 1, rank);
  return pick(from, std::move(shape), [&](std::size_t i) {
    const std::size_t outer = i / inner / count;
    const auto index = integer_at(*where, i / inner % count);
    const auto row = static_cast<std::size_t>(index < 0 ? index + extent : index);
    return (outer * static_cast<std::size_t>(extent) + row) * inner + i % inner;
  });
}

Evaluated evaluate_concat(const Operands& operands) {
  const auto& first = *operands.input(0);
  const auto rank = first.shape().size();
  const auto axis = front_axis(operands.node.integer("axis", 0), rank);
  if (!axis) return {};
  Shape shape = first.shape();
  shape[*axis] = 0;
  for (const auto* input : operands.inputs) {
    if (input == nullptr || input->type() != first.type() || input->shape().size() != rank)
      return {};
    for (std::size_t i = 0; i < rank; ++i) {
      if (i != *axis && input->shape()[i] != shape[i]) return {};
    }
    shape[*axis] += input->shape()[*axis];
  }
  std::vector<std::byte> bytes;
  const std::size_t outer = product(shape, 0, *axis);
  for (std::size_t o = 0; o < outer; ++o) {
    for (const auto* input : operands.inputs) {
      const auto part = input->bytes().subspan(o * (input->bytes().size() / outer),
                                               input->bytes().size() / outer);
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
  }
  return Constant(first.type(), std::move(shape), std::move(bytes));
}

Evaluated evaluate_slice(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto rank = from.shape().size();
  const auto starts = list(operands, "starts", 1), ends = list(operands, "ends", 2);
  if (!starts || !ends || rank == 0) return {};
  std::vector<std::int64_t> every(starts->size());
  std::iota(every.begin(), every.end(), 0);
  const auto axes = list(operands, "axes", 3).value_or(every);
  const auto steps =
      list(operands, "steps", 4).value_or(std::vector<std::int64_t>(starts->size(), 1));
  if (ends->size() != starts->size() || axes.size() != starts->size() ||
      steps.size() != starts->size())
    return {};
  std::vector<Range> ranges(rank);
  for (std::size_t i = 0; i < rank; ++i) ranges[i].count = from.shape()[i];
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = front_axis(axes[i], rank);
    const auto range =
        axis ? slice_range((*starts)[i], (*ends)[i], steps[i], from.shape()[*axis]) : std::nullopt;
    if (!range) return {};
    ranges[*axis] = *range;
  }
  Shape shape(rank);
  std::ranges::transform(ranges, shape.begin(), &Range::count);
  return pick(from, shape, [&](std::size_t i) {
    std::int64_t position = 0, stride = 1;
    auto left = static_cast<std::int64_t>(i);
    for (std::size_t axis = rank; axis-- > 0;) {
      position += (ranges[axis].first + left % shape[axis] * ranges[axis].step) * stride;
      left /= shape[axis];
      stride *= from.shape()[axis];
    }
    return static_cast<std::size_t>(position);
  });
}

Evaluated evaluate_expand(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto wanted = list(operands, "shape", 1);
  const auto shape = wanted ? broadcast(from.shape(), *wanted) : std::nullopt;
  if (!shape || !is_small(*shape, operands)) return {};
  BroadcastIndex at(from.shape(), *shape);
  return pick(from, *shape, [&](std::size_t) {
    const auto now = at.position();
    at.advance();
    return now;
  });
}

}  // namespace laconic
