// Sums, means and extremes over axes.

#include <array>
#include <numeric>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

using Reduction = at::Tensor (*)(const at::Tensor&, at::IntArrayRef axes, bool keep);

at::Tensor sum(const at::Tensor& x, at::IntArrayRef axes, bool keep) {
  return at::sum(x, axes, keep, x.scalar_type());
}

at::Tensor mean(const at::Tensor& x, at::IntArrayRef axes, bool keep) {
  if (at::isFloatingType(x.scalar_type())) return at::mean(x, axes, keep);
  return at::mean(x.to(at::kDouble), axes, keep).to(x.scalar_type());
}

at::Tensor largest(const at::Tensor& x, at::IntArrayRef axes, bool keep) {
  return at::amax(x, axes, keep);
}

at::Tensor smallest(const at::Tensor& x, at::IntArrayRef axes, bool keep) {
  return at::amin(x, axes, keep);
}

/// Axes are an attribute before opset `axes_are_input`, an input since then.
template <Reduction function, int axes_are_input>
Values reduce(const Call& call) {
  const at::Tensor& x = call[0];
  auto axes = call.integers("axes", 1, axes_are_input);
  const bool keep = call.node.integer("keepdims", 1) != 0;
  if (axes.empty()) {
    if (call.node.integer("noop_with_empty_axes", 0) != 0) return {x};
    axes.resize(static_cast<std::size_t>(x.dim()));
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (auto& axis : axes) axis = call.wrap_axis(axis, x.dim());
  if (x.dim() == 0) return {x};
  return {function(x, axes, keep)};
}

Values arg_max(const Call& call) {
  const at::Tensor& x = call[0];
  const auto axis = call.axis("axis", 0, x.dim());
  const bool keep = call.node.integer("keepdims", 1) != 0;
  if (call.node.integer("select_last_index", 0) == 0) return {at::argmax(x, axis, keep)};
  return {x.size(axis) - 1 - at::argmax(x.flip(axis), axis, keep)};
}

constexpr std::array rows = {
    Row{"ArgMax", arg_max},
    Row{"ReduceMax", reduce<largest, 18>, true},
    Row{"ReduceMean", reduce<mean, 18>, true},
    Row{"ReduceMin", reduce<smallest, 18>, true},
    Row{"ReduceSum", reduce<sum, 13>, true},
};

}  // namespace

std::span<const Row> reductions() noexcept {
  return rows;
}

}  // namespace laconic::ops
