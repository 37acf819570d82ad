// Convolutions over one to three spatial axes, and their transposes.

#include <algorithm>
#include <array>

#include "train/ops/window.h"

namespace laconic::ops {
namespace {

Integers kernel_of(const Call& call, const at::Tensor& weight) {
  if (weight.dim() < 3) call.fail(fmt::format("its weight is {}", text(weight.sizes())));
  auto kernel = weight.sizes().slice(2).vec();
  if (call.node.has("kernel_shape") && call.node.integers("kernel_shape") != kernel) {
    call.fail(fmt::format("kernel_shape is not that of its weight {}", text(weight.sizes())));
  }
  return kernel;
}

/// Whether it leaves out places of its input: the others can be picked beforehand. oneDNN's
/// gradient of such convolutions writes out of bounds where they have 8 channels, channels last.
bool picks_places(const Window& window) {
  return std::ranges::all_of(window.kernel, [](auto extent) { return extent == 1; }) &&
         std::ranges::any_of(window.strides, [](auto stride) { return stride > 1; });
}

Values conv(const Call& call) {
  at::Tensor x = fastest_layout(call[0]);
  const at::Tensor& weight = call[1];
  Window window = read_window(call, x, kernel_of(call, weight));
  Integers pads = window.begins;
  const bool picks = picks_places(window);
  bool direct = window.symmetric() && !picks;
  for (std::size_t i = 0; i < window.rank(); ++i) {
    direct = direct && pads[i] >= 0;
    call.check_size({x.size(0), x.size(1), x.size(static_cast<std::int64_t>(i) + 2) + 2 * pads[i]});
  }
  if (!direct) {
    x = pad_spatial(call, x, window.begins, window.ends, 0);
    pads.assign(window.rank(), 0);
  }
  for (std::size_t i = 0; picks && i < window.rank(); ++i) {
    const auto axis = static_cast<std::int64_t>(i) + 2;
    x = x.slice(axis, 0, x.size(axis), window.strides[i]);
  }
  if (picks) {
    x = fastest_layout(x);
    window.strides.assign(window.rank(), 1);
  }
  return {at::convolution(x, weight, call.optional(2), window.strides, pads, window.dilations,
                          false, Integers(window.rank(), 0), call.node.integer("group", 1))};
}

/// Pads that bring the transposed convolution to output_shape.
void pads_for_shape(const Call& call, const Integers& shape, const Integers& full, Window& window) {
  if (shape.size() != window.rank()) call.fail("output_shape needs one entry per spatial axis");
  const bool upper = call.node.text("auto_pad", "NOTSET") == "SAME_UPPER";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto total = full[i] - shape[i];  // May be negative: half of it is rounded down.
    const auto half = (total - (total < 0 ? 1 : 0)) / 2;
    window.begins[i] = upper ? half : total - half;
    window.ends[i] = total - window.begins[i];
  }
}

Values conv_transpose(const Call& call) {
  const at::Tensor x = fastest_layout(call[0]);
  const at::Tensor& weight = call[1];
  Window window = read_window(call, x, kernel_of(call, weight));
  const auto rank = window.rank();
  const auto extra = call.node.integers("output_padding", Integers(rank, 0));
  if (extra.size() != rank) call.fail("output_padding needs one entry per spatial axis");
  Integers full(rank);  // What comes out before pads are cropped.
  Integers same(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto extent = x.size(static_cast<std::int64_t>(i) + 2);
    if (extra[i] < 0) call.fail("output_padding must not be negative");
    full[i] = (extent - 1) * window.strides[i] + window.extent(i) + extra[i];
    same[i] = extent * window.strides[i];
  }
  const auto mode = call.node.text("auto_pad", "NOTSET");
  if (call.node.has("output_shape")) {
    pads_for_shape(call, call.node.integers("output_shape"), full, window);
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    pads_for_shape(call, same, full, window);
  }
  auto shape = full;
  shape.push_back(x.size(0));
  shape.push_back(weight.size(1) * call.node.integer("group", 1));
  call.check_size(shape);
  const Integers zeros(rank, 0);
  at::Tensor out = at::convolution(x, weight, {}, window.strides, zeros, window.dilations, true,
                                   zeros, call.node.integer("group", 1));
  Integers begins(rank), ends(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    begins[i] = -window.begins[i];
    ends[i] = extra[i] - window.ends[i];
  }
  out = pad_spatial(call, out, begins, ends, 0);
  if (!call.has(2)) return {out};
  Integers bias(rank + 1, 1);
  bias[0] = -1;
  return {out + call[2].reshape(bias)};
}

constexpr std::array rows = {Row{"Conv", conv}, Row{"ConvTranspose", conv_transpose}};

}  // namespace

std::span<const Row> convolutions() noexcept {
  return rows;
}

}  // namespace laconic::ops
