// Parts of values, put together, repeated or taken out.

#include <algorithm>
#include <array>
#include <cstring>

#include "graph/evaluate.h"
#include "runtime/images.h"
#include "runtime/loops.h"
#include "runtime/operator.h"
#include "runtime/strides.h"

namespace laconic::runtime {
namespace {

std::size_t at(std::int64_t axis) {
  return static_cast<std::size_t>(axis);
}

Planned concat(const Call& call) {
  const Signature& first = call[0];
  const auto axis = call.axis("axis", call.opset < 4 ? 1 : 0, first.rank());
  Shape shape = first.shape;
  shape[at(axis)] = 0;
  std::vector<std::size_t> parts;  // Bytes of each input that follow one another.
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const Signature& part = call[i];
    if (part.type != first.type) call.fail("its inputs differ in type");
    Shape others = part.shape;
    if (part.rank() == first.rank()) others[at(axis)] = first.shape[at(axis)];
    if (others != first.shape) {
      call.fail(fmt::format("{} does not continue {}", text(part.shape), text(first.shape)));
    }
    shape[at(axis)] += part.shape[at(axis)];
    parts.push_back(element_bytes(part.type) *
                    static_cast<std::size_t>(
                        extent_product(stored_shape(part), stored_axis(part, axis), part.rank())));
  }
  Planned planned{{call.sized(first.type, shape)}, {}};
  planned.outputs[0].layout = first.layout;
  const auto outer = extent_product(stored_shape(planned.outputs[0]), 0, stored_axis(first, axis));
  planned.run = [outer, parts](const Memory& memory) {
    std::byte* out = memory.outputs[0];
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i] == 0) continue;
        std::memcpy(out, memory.inputs[i] + static_cast<std::size_t>(o) * parts[i], parts[i]);
        out += parts[i];
      }
    }
  };
  return planned;
}

Integers part_sizes(const Call& call, std::int64_t extent) {
  auto sizes = call.integers("split", 1, 13);
  if (!sizes.empty()) return sizes;
  const auto parts = static_cast<std::int64_t>(call.node.outputs.size());
  if (call.opset < 18 && extent % parts != 0) {
    call.fail(fmt::format("{} does not split into {} equal parts", extent, parts));
  }
  const auto part = (extent + parts - 1) / parts;
  for (std::int64_t i = 0; i < parts; ++i) {
    sizes.push_back(std::clamp<std::int64_t>(extent - i * part, 0, part));
  }
  return sizes;
}

Planned split(const Call& call) {
  const Signature& x = call[0];
  const auto axis = call.axis("axis", 0, x.rank());
  const auto extent = x.shape[at(axis)];
  const auto sizes = part_sizes(call, extent);
  std::int64_t sum = 0;
  bool negative = false;
  for (const auto size : sizes) {
    negative = negative || size < 0 || __builtin_add_overflow(sum, size, &sum);
  }
  if (negative || sum != extent || sizes.size() != call.node.outputs.size()) {
    call.fail(fmt::format("parts of {} do not make up {}", text(sizes), text(x.shape)));
  }
  Planned planned;
  std::vector<Copy> copies;
  std::int64_t start = 0;
  for (const auto size : sizes) {
    Shape shape = x.shape;
    shape[at(axis)] = size;
    const auto strides = row_major(x.shape);
    copies.emplace_back(element_bytes(x.type), shape, strides, row_major(shape),
                        start * strides[at(axis)]);
    planned.outputs.push_back({x.type, std::move(shape)});
    start += size;
  }
  planned.optional_first = true;
  planned.run = [copies](const Memory& memory) {
    for (std::size_t i = 0; i < copies.size(); ++i) {
      if (memory.outputs[i] != nullptr) copies[i].run(memory.inputs[0], memory.outputs[i]);
    }
  };
  return planned;
}

/// The elements first, first + step, ... of an axis, as Python counts them.
struct Range {
  std::int64_t first = 0, step = 1, count = 0;
};

Range slice_range(const Call& call, std::int64_t start, std::int64_t end, std::int64_t step,
                  std::int64_t extent) {
  if (step == 0) call.fail("a step is 0");
  const auto wrap = [&](std::int64_t position, std::int64_t low, std::int64_t high) {
    return std::clamp(position < 0 ? std::max(position, -extent - 1) + extent : position, low,
                      high);
  };
  step = std::clamp(step, -extent - 1, extent + 1);
  if (step > 0) {
    start = wrap(start, 0, extent);
    end = wrap(end, 0, extent);
    return {start, step, end > start ? (end - start - 1) / step + 1 : 0};
  }
  start = wrap(start, -1, extent - 1);
  end = wrap(end, -1, extent - 1);
  return {start, step, start > end ? (start - end - 1) / -step + 1 : 0};
}

Planned slice(const Call& call) {
  const Signature& x = call[0];
  const auto starts = call.integers("starts", 1, 10), ends = call.integers("ends", 2, 10);
  const auto axes = call.integers("axes", 3, 10), steps = call.integers("steps", 4, 10);
  const auto count = starts.size();
  if (ends.size() != count || (!axes.empty() && axes.size() != count) ||
      (!steps.empty() && steps.size() != count)) {
    call.fail("starts, ends, axes and steps differ in length");
  }
  Signature output = x;
  Integers firsts(x.shape.size(), 0), strides(x.shape.size(), 1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        at(call.wrap_axis(axes.empty() ? static_cast<std::int64_t>(i) : axes[i], x.rank()));
    const auto range =
        slice_range(call, starts[i], ends[i], steps.empty() ? 1 : steps[i], output.shape[axis]);
    firsts[axis] += range.first * strides[axis];
    strides[axis] *= range.step;
    output.shape[axis] = range.count;
  }
  firsts = stored_order(std::move(firsts), x.layout);
  strides = stored_order(std::move(strides), x.layout);
  const auto elements = row_major(stored_shape(x));
  std::int64_t first = 0;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    first += firsts[i] * elements[i];
    strides[i] *= elements[i];
  }
  const Shape shape = stored_shape(output);
  Planned planned{{output}, {}};
  const Copy copy(element_bytes(x.type), shape, strides, row_major(shape), first);
  planned.run = [copy](const Memory& memory) { copy.run(memory.inputs[0], memory.outputs[0]); };
  return planned;
}

/// What Gather needs for a run.
struct Picks {
  std::string node;
  std::int64_t outer, count, extent;
  std::size_t bytes;  ///< Of what one index picks.
  bool wide;          ///< Indices are int64, not int32.
};

void pick(const Picks& picks, const Memory& memory) {
  const std::byte* from = memory.inputs[0];
  std::byte* out = memory.outputs[0];
  for (std::int64_t o = 0; o < picks.outer; ++o) {
    for (std::int64_t i = 0; i < picks.count; ++i, out += picks.bytes) {
      auto index = picks.wide ? memory.in<std::int64_t>(1)[i] : memory.in<std::int32_t>(1)[i];
      if (index < -picks.extent || index >= picks.extent) {
        laconic::fail(ErrorCode::invalid_data, "{}: index {} is not within {}..{}", picks.node,
                      index, -picks.extent, picks.extent - 1);
      }
      if (index < 0) index += picks.extent;
      std::memcpy(out, from + static_cast<std::size_t>(o * picks.extent + index) * picks.bytes,
                  picks.bytes);
    }
  }
}

Planned gather(const Call& call) {
  const Signature& x = call[0];
  const Signature& index = call[1];
  const auto axis = call.axis("axis", 0, x.rank());
  if (index.type != ElementType::int64 && index.type != ElementType::int32) {
    call.fail(fmt::format("its indices are {}, not int32 or int64", name(index.type)));
  }
  Shape shape(x.shape.begin(), x.shape.begin() + axis);
  shape.insert(shape.end(), index.shape.begin(), index.shape.end());
  shape.insert(shape.end(), x.shape.begin() + axis + 1, x.shape.end());
  const auto inner = extent_product(x.shape, axis + 1, x.rank());
  const Picks picks{describe(call.node),
                    extent_product(x.shape, 0, axis),
                    index.count(),
                    x.shape[at(axis)],
                    static_cast<std::size_t>(inner) * element_bytes(x.type),
                    index.type == ElementType::int64};
  Planned planned{{call.sized(x.type, std::move(shape))}, {}};
  planned.run = [picks](const Memory& memory) { pick(picks, memory); };
  return planned;
}

Planned expand(const Call& call) {
  const Signature& x = call[0];
  const auto wanted = call.integers(1);
  const auto shape = broadcast(x.shape, wanted);
  if (!shape) call.fail(fmt::format("{} does not expand to {}", text(x.shape), text(wanted)));
  Planned planned{{call.sized(x.type, *shape)}, {}};
  const Copy copy(element_bytes(x.type), *shape, broadcast_strides(x.shape, *shape),
                  row_major(*shape));
  planned.run = [copy](const Memory& memory) { copy.run(memory.inputs[0], memory.outputs[0]); };
  return planned;
}

Planned tile(const Call& call) {
  const Signature& x = call[0];
  const auto repeats = call.integers(1);
  if (repeats.size() != x.shape.size()) call.fail("needs one repeat per axis");
  Shape shape = x.shape, walk;
  std::vector<std::int64_t> from;
  const auto strides = row_major(x.shape);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (repeats[i] < 0 || __builtin_mul_overflow(shape[i], repeats[i], &shape[i])) shape[i] = -1;
    walk.insert(walk.end(), {repeats[i], x.shape[i]});
    from.insert(from.end(), {0, strides[i]});
  }
  Planned planned{{call.sized(x.type, shape)}, {}};
  const Copy copy(element_bytes(x.type), walk, from, row_major(walk));
  planned.run = [copy](const Memory& memory) { copy.run(memory.inputs[0], memory.outputs[0]); };
  return planned;
}

constexpr std::array rows = {
    Row{"Concat", concat},
    Row{"Expand", expand, from_input(1)},
    Row{"Gather", gather},
    Row{"Pad", plan_pad, from_input(1)},
    Row{"Slice", slice, from_input(1)},
    Row{"Split", split, from_input(1)},
    Row{"Tile", tile, from_input(1)},
};

}  // namespace

std::span<const Row> selections() noexcept {
  return rows;
}

}  // namespace laconic::runtime
