// Parts of values, and values put together from parts.

#include <algorithm>
#include <array>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

Values concat(const Call& call) {
  const auto axis = call.axis("axis", call.opset < 4 ? 1 : 0, call[0].dim());
  Values parts;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) parts.push_back(call[i]);
  return {at::cat(parts, axis)};
}

Values split(const Call& call) {
  const at::Tensor& x = call[0];
  const auto axis = call.axis("axis", 0, x.dim());
  auto sizes = call.integers("split", 1, 13);
  if (sizes.empty()) {
    const auto parts = static_cast<std::int64_t>(call.node.outputs.size());
    const auto extent = x.size(axis);
    if (call.opset < 18 && extent % parts != 0) {
      call.fail(fmt::format("axis {} of {} does not split into {} equal parts", axis,
                            text(x.sizes()), parts));
    }
    const auto chunk = (extent + parts - 1) / parts;
    for (std::int64_t i = 0; i < parts; ++i) {
      sizes.push_back(std::clamp<std::int64_t>(extent - i * chunk, 0, chunk));
    }
  }
  return at::split_with_sizes(x, sizes, axis);
}

/// Elements start, start + step, ... before `end` of one axis, as Python counts them.
at::Tensor slice_axis(const Call& call, const at::Tensor& x, std::int64_t axis, std::int64_t start,
                      std::int64_t end, std::int64_t step) {
  const auto extent = x.size(axis);
  if (step == 0) call.fail("a step is 0");
  const auto wrap = [&](std::int64_t at, std::int64_t low, std::int64_t high) {
    return std::clamp(at < 0 ? std::max(at, -extent - 1) + extent : at, low, high);
  };
  if (step > 0) {
    start = wrap(start, 0, extent);
    end = std::max(start, wrap(end, 0, extent));
    return x.slice(axis, start, end, std::min(step, std::max<std::int64_t>(extent, 1)));
  }
  if (extent == 0) return x;
  start = wrap(start, -1, extent - 1);
  end = std::min(start, wrap(end, -1, extent - 1));
  const auto options = x.options().dtype(at::kLong);
  return x.index_select(axis, at::arange(start, end, std::max(step, -extent - 1), options));
}

Values slice(const Call& call) {
  at::Tensor x = call[0];
  const auto starts = call.integers("starts", 1, 10);
  const auto ends = call.integers("ends", 2, 10);
  const auto axes = call.integers("axes", 3, 10);
  const auto steps = call.integers("steps", 4, 10);
  const auto count = starts.size();
  if (ends.size() != count || (!axes.empty() && axes.size() != count) ||
      (!steps.empty() && steps.size() != count)) {
    call.fail("starts, ends, axes and steps differ in length");
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        call.wrap_axis(axes.empty() ? static_cast<std::int64_t>(i) : axes[i], x.dim());
    x = slice_axis(call, x, axis, starts[i], ends[i], steps.empty() ? 1 : steps[i]);
  }
  return {x};
}

Values gather(const Call& call) {
  const at::Tensor& x = call[0];
  const auto axis = call.axis("axis", 0, x.dim());
  const at::Tensor index = call[1].to(at::kLong);
  const at::Tensor flat = at::where(index < 0, index + x.size(axis), index).reshape({-1});
  auto shape = x.sizes().vec();
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, index.sizes().begin(), index.sizes().end());
  return {x.index_select(axis, flat).reshape(shape)};
}

Values expand(const Call& call) {
  const at::Tensor& x = call[0];
  auto shape = call.integers(1);
  if (static_cast<std::int64_t>(shape.size()) < x.dim()) {
    shape.insert(shape.begin(), static_cast<std::size_t>(x.dim()) - shape.size(), 1);
  }
  const auto lead = shape.size() - static_cast<std::size_t>(x.dim());
  for (std::size_t i = lead; i < shape.size(); ++i) {
    if (shape[i] == 1) shape[i] = x.size(static_cast<std::int64_t>(i - lead));
  }
  call.check_size(shape);
  return {x.expand(shape)};
}

Values tile(const Call& call) {
  const at::Tensor& x = call[0];
  const auto repeats = call.integers(1);
  if (static_cast<std::int64_t>(repeats.size()) != x.dim()) call.fail("needs one repeat per axis");
  auto shape = x.sizes().vec();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (repeats[i] < 0 || __builtin_mul_overflow(shape[i], repeats[i], &shape[i])) shape[i] = -1;
  }
  call.check_size(shape);
  return {x.repeat(repeats)};
}

/// Which element of an axis each position of the padded axis takes. Both modes may reach further
/// than one extent: reflection goes back and forth.
at::Tensor padding_index(std::int64_t extent, std::int64_t begin, std::int64_t end, bool reflect) {
  const auto count = begin + extent + end;
  at::Tensor index = at::empty({std::max<std::int64_t>(count, 0)}, at::kLong);
  auto* data = index.data_ptr<std::int64_t>();
  const auto period = std::max<std::int64_t>(2 * (extent - 1), 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = i - begin;
    const auto folded = ((at % period) + period) % period;
    data[i] =
        reflect ? std::min(folded, period - folded) : std::clamp<std::int64_t>(at, 0, extent - 1);
  }
  return index;
}

Values pad(const Call& call) {
  at::Tensor x = call[0];
  const auto given = call.integers("pads", 1, 11);
  Integers axes;
  if (call.has(3)) axes = call.integers(3);
  const auto rank = static_cast<std::size_t>(x.dim());
  const auto count = axes.empty() ? rank : axes.size();
  if (given.size() != 2 * count) call.fail("needs two pads per axis");
  Integers begins(rank), ends(rank), shape(x.sizes().vec());
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis = axes.empty() ? i : static_cast<std::size_t>(call.wrap_axis(axes[i], x.dim()));
    begins[axis] = given[i];
    ends[axis] = given[count + i];
    if (__builtin_add_overflow(shape[axis], begins[axis], &shape[axis]) ||
        __builtin_add_overflow(shape[axis], ends[axis], &shape[axis])) {
      shape[axis] = -1;
    }
  }
  call.check_size(shape);
  const auto mode = call.node.text("mode", "constant");
  if (mode == "constant") {
    Integers reversed;
    for (std::size_t i = rank; i-- > 0;) reversed.insert(reversed.end(), {begins[i], ends[i]});
    at::Scalar value = call.opset < 11 ? at::Scalar(call.node.number("value", 0)) : at::Scalar(0);
    if (call.opset >= 11 && call.has(2)) value = call[2].item();
    return {at::constant_pad_nd(x, reversed, value)};
  }
  if (mode != "reflect" && mode != "edge") {
    call.fail(fmt::format("mode is \"{}\", but must be constant, reflect or edge", mode));
  }
  for (std::size_t i = 0; i < rank; ++i) {
    if (begins[i] == 0 && ends[i] == 0) continue;
    const auto axis = static_cast<std::int64_t>(i);
    if (x.size(axis) == 0) call.fail("pads an empty axis");
    const auto index = padding_index(x.size(axis), begins[i], ends[i], mode == "reflect");
    x = x.index_select(axis, index.to(x.device()));
  }
  return {x};
}

constexpr std::array rows = {
    Row{"Concat", concat},   Row{"Expand", expand, true}, Row{"Gather", gather},
    Row{"Pad", pad, true},   Row{"Slice", slice, true},   Row{"Split", split, true},
    Row{"Tile", tile, true},
};

}  // namespace

std::span<const Row> selections() noexcept {
  return rows;
}

}  // namespace laconic::ops
