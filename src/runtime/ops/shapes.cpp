// The same elements in another shape or order.

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "runtime/operator.h"
#include "runtime/strides.h"

namespace laconic::runtime {
namespace {

Planned same_elements(const Call& call, Shape shape) {
  return {{call.sized(call[0].type, std::move(shape))}, {}};
}

Planned reshape(const Call& call) {
  const Signature& x = call[0];
  auto shape = call.opset < 5 ? call.node.integers("shape") : call.integers(1);
  const bool copies = call.node.integer("allowzero", 0) == 0;
  std::int64_t known = 1, *open = nullptr;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && copies) {
      if (i >= x.shape.size()) call.fail("copies an extent that its input lacks");
      shape[i] = x.shape[i];
    }
    if (shape[i] == -1 && open == nullptr) {
      open = &shape[i];
    } else if (shape[i] < 0 || __builtin_mul_overflow(known, shape[i], &known)) {
      call.fail(fmt::format("{} is no shape", text(shape)));
    }
  }
  if (open != nullptr && known > 0) *open = x.count() / known;
  if (std::ranges::count(shape, -1) > 0 || element_count(shape) != x.count()) {
    call.fail(fmt::format("{} does not become {}", text(x.shape), text(shape)));
  }
  return same_elements(call, std::move(shape));
}

Planned flatten(const Call& call) {
  const Signature& x = call[0];
  const auto axis = call.axis("axis", 1, x.rank(), true);
  return same_elements(call,
                       {extent_product(x.shape, 0, axis), extent_product(x.shape, axis, x.rank())});
}

/// The node's axes, wrapped, ascending and distinct.
Integers sorted_axes(const Call& call, std::int64_t rank) {
  auto axes = call.integers("axes", 1, 13);
  for (auto& axis : axes) axis = call.wrap_axis(axis, rank);
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) call.fail("names an axis twice");
  return axes;
}

Planned squeeze(const Call& call) {
  Shape shape = call[0].shape;
  const auto axes = sorted_axes(call, call[0].rank());
  if (axes.empty()) std::erase(shape, 1);
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (shape[static_cast<std::size_t>(*axis)] != 1)
      call.fail(fmt::format("axis {} of {} is not 1", *axis, text(call[0].shape)));
    shape.erase(shape.begin() + *axis);
  }
  return same_elements(call, std::move(shape));
}

Planned unsqueeze(const Call& call) {
  Shape shape = call[0].shape;
  const auto count = static_cast<std::int64_t>(call.integers("axes", 1, 13).size());
  for (const auto axis : sorted_axes(call, call[0].rank() + count)) {
    shape.insert(shape.begin() + axis, 1);
  }
  return same_elements(call, std::move(shape));
}

/// The input's elements seen as `extents`, brought into the order of axes `order`, as `shape`.
Planned permuted(const Call& call, const Shape& extents, const Integers& order, Shape shape) {
  const auto strides = row_major(extents);
  Shape walk;
  std::vector<std::int64_t> from;
  for (const auto axis : order) {
    walk.push_back(extents[static_cast<std::size_t>(axis)]);
    from.push_back(strides[static_cast<std::size_t>(axis)]);
  }
  Planned planned{{{call[0].type, std::move(shape)}}, {}};
  const Copy copy(element_bytes(call[0].type), walk, from, row_major(walk));
  planned.run = [copy](const Memory& memory) { copy.run(memory.inputs[0], memory.outputs[0]); };
  return planned;
}

Planned transpose(const Call& call) {
  const Signature& x = call[0];
  auto order = call.node.integers("perm");
  if (order.empty()) {
    order.resize(x.shape.size());
    std::iota(order.rbegin(), order.rend(), 0);
  }
  for (auto& axis : order) axis = call.wrap_axis(axis, x.rank());
  auto sorted = order;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted.size() != x.shape.size() || sorted[i] != static_cast<std::int64_t>(i))
      call.fail(fmt::format("perm is no order of the axes of {}", text(x.shape)));
  }
  Shape shape;
  for (const auto axis : order) shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
  return permuted(call, x.shape, order, std::move(shape));
}

/// N, C, H, W of an image.
std::array<std::int64_t, 4> image(const Call& call, std::int64_t block) {
  const Signature& x = call[0];
  if (x.rank() != 4) call.fail(fmt::format("takes images of 4 axes, not {}", text(x.shape)));
  if (block < 1 || block > 1 << 15) call.fail("blocksize must be 1..32768");
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3]};
}

Planned depth_to_space(const Call& call) {
  const auto b = call.node.integer("blocksize", 0);
  const auto [n, c, h, w] = image(call, b);
  if (c % (b * b) != 0) call.fail(fmt::format("channels {} do not divide by {}", c, b * b));
  const auto d = c / (b * b);
  const Shape shape{n, d, h * b, w * b};
  if (call.node.text("mode", "DCR") == "CRD") {
    return permuted(call, {n, d, b, b, h, w}, {0, 1, 4, 2, 5, 3}, shape);
  }
  return permuted(call, {n, b, b, d, h, w}, {0, 3, 4, 1, 5, 2}, shape);
}

Planned space_to_depth(const Call& call) {
  const auto b = call.node.integer("blocksize", 0);
  const auto [n, c, h, w] = image(call, b);
  if (h % b != 0 || w % b != 0) call.fail(fmt::format("{}x{} does not divide by {}", h, w, b));
  return permuted(call, {n, c, h / b, b, w / b, b}, {0, 3, 5, 1, 2, 4},
                  {n, c * b * b, h / b, w / b});
}

constexpr std::array rows = {
    Row{"DepthToSpace", depth_to_space},        Row{"Flatten", flatten},
    Row{"Reshape", reshape, from_input(1)},     Row{"SpaceToDepth", space_to_depth},
    Row{"Squeeze", squeeze, from_input(1)},     Row{"Transpose", transpose},
    Row{"Unsqueeze", unsqueeze, from_input(1)},
};

}  // namespace

std::span<const Row> shapes() noexcept {
  return rows;
}

}  // namespace laconic::runtime
