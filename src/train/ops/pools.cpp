// Pools: the largest or the mean of each window.

#include <array>
#include <limits>
#include <numeric>
#include <tuple>

#include "train/ops/window.h"

namespace laconic::ops {
namespace {

using Pair = std::tuple<at::Tensor, at::Tensor>;

/// Pads under which every window lies within the value, be it padded or cropped.
Integers exact_ends(const Call& call, const Window& window, const at::Tensor& x) {
  const bool ceil_mode = call.node.integer("ceil_mode", 0) != 0;
  Integers ends(window.rank());
  for (std::size_t i = 0; i < window.rank(); ++i) {
    const auto extent = x.size(static_cast<std::int64_t>(i) + 2);
    const auto count = window_count(call, window, extent, i, ceil_mode);
    ends[i] = (count - 1) * window.strides[i] + window.extent(i) - extent - window.begins[i];
  }
  return ends;
}

/// True if LibTorch pads by itself as the node asks.
bool pads_directly(const Call& call, const Window& window) {
  bool direct = window.symmetric() && call.node.integer("ceil_mode", 0) == 0;
  for (std::size_t i = 0; i < window.rank(); ++i) {
    direct = direct && window.begins[i] >= 0 && 2 * window.begins[i] <= window.kernel[i];
  }
  return direct;
}

Pair max_pool(const at::Tensor& x, const Window& w, const Integers& pads) {
  switch (w.rank()) {
    case 1:
      return at::max_pool1d_with_indices(x, w.kernel, w.strides, pads, w.dilations);
    case 2:
      return at::max_pool2d_with_indices(x, w.kernel, w.strides, pads, w.dilations);
    default:
      return at::max_pool3d_with_indices(x, w.kernel, w.strides, pads, w.dilations);
  }
}

/// LibTorch's positions within a plane of extents `from`, which starts `begins` before that of `x`,
/// as ONNX's positions within all of `x`.
at::Tensor positions(const Call& call, at::Tensor index, const at::Tensor& x, const Integers& from,
                     const Integers& begins) {
  const auto rank = from.size();
  Values coordinates(rank);
  for (std::size_t i = rank; i-- > 0;) {
    coordinates[i] = index.remainder(from[i]) - begins[i];
    index = index.div(from[i], "floor");
  }
  const bool column_major = call.node.integer("storage_order", 0) != 0;
  at::Tensor out = at::zeros_like(index);
  for (std::size_t k = 0; k < rank; ++k) {
    const auto i = column_major ? rank - 1 - k : k;
    out = out * x.size(static_cast<std::int64_t>(i) + 2) + coordinates[i];
  }
  const auto planes = x.size(0) * x.size(1);
  const auto plane = planes == 0 ? 0 : x.numel() / planes;
  Integers lead(rank + 2, 1);
  lead[0] = x.size(0);
  lead[1] = x.size(1);
  return out + at::arange(planes, index.options()).reshape(lead) * plane;
}

Values max_pool_node(const Call& call) {
  const at::Tensor& given = call[0];
  const auto type = given.scalar_type();
  const Window window = read_window(call, given);
  // Eight-bit integers are exact as floats, which LibTorch pools.
  at::Tensor x = at::isFloatingType(type) ? given : given.to(at::kFloat);
  x = fastest_layout(x);
  Integers begins = window.begins;
  Integers origin(window.rank(), 0);
  if (!pads_directly(call, window)) {
    x = pad_spatial(call, x, begins, exact_ends(call, window, given),
                    -std::numeric_limits<double>::infinity());
    std::swap(origin, begins);
  }
  auto [out, index] = max_pool(x, window, begins);
  Values values = {out.to(type)};
  if (call.wants(1)) {
    values.push_back(positions(call, index, given, x.sizes().slice(2).vec(), origin));
  }
  return values;
}

at::Tensor average_pool(const at::Tensor& x, const Window& w, const Integers& pads, bool whole) {
  switch (w.rank()) {
    case 1:
      return at::avg_pool1d(x, w.kernel, w.strides, pads, false, whole);
    case 2:
      return at::avg_pool2d(x, w.kernel, w.strides, pads, false, whole);
    default:
      return at::avg_pool3d(x, w.kernel, w.strides, pads, false, whole);
  }
}

Values average_pool_node(const Call& call) {
  const at::Tensor& x = call[0];
  const Window window = read_window(call, x);
  for (const auto dilation : window.dilations) {
    if (dilation != 1) call.fail("dilations other than 1 are not supported");
  }
  const bool whole = call.node.integer("count_include_pad", 0) != 0;
  if (pads_directly(call, window)) return {average_pool(x, window, window.begins, whole)};
  // The mean over each whole window, divided by the share of it that counts.
  const auto ends = exact_ends(call, window, x);
  const Integers zeros(window.rank(), 0);
  auto shape = x.sizes().vec();
  shape[0] = shape[1] = 1;
  at::Tensor counted = at::ones(shape, x.options().requires_grad(false));
  auto beyond = ends;
  if (whole) {
    counted = pad_spatial(call, counted, window.begins, window.ends, 1);
    for (std::size_t i = 0; i < beyond.size(); ++i) beyond[i] -= window.ends[i];
  }
  counted = pad_spatial(call, counted, whole ? zeros : window.begins, beyond, 0);
  const at::Tensor padded = pad_spatial(call, x, window.begins, ends, 0);
  return {average_pool(padded, window, zeros, true) / average_pool(counted, window, zeros, true)};
}

Integers spatial_axes(const Call& call) {
  if (call[0].dim() < 3)
    call.fail(fmt::format("takes values of 3 axes or more, not {}", text(call[0].sizes())));
  Integers axes(static_cast<std::size_t>(call[0].dim() - 2));
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}

Values global_average_pool(const Call& call) {
  return {at::mean(call[0], spatial_axes(call), true)};
}

Values global_max_pool(const Call& call) {
  return {at::amax(call[0], spatial_axes(call), true)};
}

constexpr std::array rows = {
    Row{"AveragePool", average_pool_node},
    Row{"GlobalAveragePool", global_average_pool},
    Row{"GlobalMaxPool", global_max_pool},
    Row{"MaxPool", max_pool_node},
};

}  // namespace

std::span<const Row> pools() noexcept {
  return rows;
}

}  // namespace laconic::ops
