#include "train/ops/window.h"

#include <algorithm>

namespace laconic::ops {
namespace {

constexpr std::int64_t max_step = std::int64_t{1} << 31;

/// The attribute, one entry per axis, each within [low, 2^31].
Integers per_axis(const Call& call, std::string_view key, std::size_t count, std::int64_t fallback,
                  std::int64_t low) {
  auto values = call.node.integers(key, Integers(count, fallback));
  if (values.size() != count) {
    call.fail(fmt::format("{} has {} entries, but must have {}", key, values.size(), count));
  }
  for (const auto value : values) {
    if (value < low || value > max_step) {
      call.fail(fmt::format("{} has {}, but must be {}..{}", key, value, low, max_step));
    }
  }
  return values;
}

}  // namespace

Window read_window(const Call& call, const at::Tensor& x, Integers kernel) {
  if (x.dim() < 3 || x.dim() > 5) {
    call.fail(fmt::format("takes values of 3 to 5 axes, not {}", text(x.sizes())));
  }
  const auto rank = static_cast<std::size_t>(x.dim() - 2);
  Window window;
  window.kernel = kernel.empty() ? per_axis(call, "kernel_shape", rank, 0, 1) : std::move(kernel);
  if (window.kernel.size() != rank) {
    call.fail(fmt::format("its kernel has {} axes, its input is {}", window.kernel.size(),
                          text(x.sizes())));
  }
  window.strides = per_axis(call, "strides", rank, 1, 1);
  window.dilations = per_axis(call, "dilations", rank, 1, 1);
  const auto pads = per_axis(call, "pads", 2 * rank, 0, -max_step);
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(rank);
  window.begins.assign(pads.begin(), middle);
  window.ends.assign(middle, pads.end());
  const auto mode = call.node.text("auto_pad", "NOTSET");
  if (mode == "NOTSET") return window;
  if (mode != "VALID" && mode != "SAME_UPPER" && mode != "SAME_LOWER") {
    call.fail(fmt::format("auto_pad is \"{}\", but must be NOTSET, VALID, SAME_UPPER or SAME_LOWER",
                          mode));
  }
  for (std::size_t i = 0; i < rank; ++i) {
    const auto extent = x.size(static_cast<std::int64_t>(i) + 2);
    const auto count = (extent + window.strides[i] - 1) / window.strides[i];
    const auto wanted = (count - 1) * window.strides[i] + window.extent(i) - extent;
    const auto total = mode == "VALID" ? 0 : std::max<std::int64_t>(wanted, 0);
    window.begins[i] = mode == "SAME_LOWER" ? total - total / 2 : total / 2;
    window.ends[i] = total - window.begins[i];
  }
  return window;
}

std::int64_t window_count(const Call& call, const Window& window, std::int64_t extent,
                          std::size_t i, bool ceil_mode) {
  const auto stride = window.strides[i];
  const auto room = extent + window.begins[i] + window.ends[i] - window.extent(i);
  if (room < 0) {
    call.fail(fmt::format("its window of {} does not fit into {}", window.extent(i),
                          text(call[0].sizes())));
  }
  auto count = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (ceil_mode && (count - 1) * stride >= extent + window.begins[i]) --count;
  return count;
}

at::Tensor pad_spatial(const Call& call, const at::Tensor& x, const Integers& begins,
                       const Integers& ends, const at::Scalar& value) {
  Integers reversed;
  auto shape = x.sizes().vec();
  bool nothing = true;
  for (std::size_t i = begins.size(); i-- > 0;) {
    reversed.insert(reversed.end(), {begins[i], ends[i]});
    shape[i + 2] += begins[i] + ends[i];
    nothing = nothing && begins[i] == 0 && ends[i] == 0;
  }
  if (nothing) return x;
  call.check_size(shape);
  return at::constant_pad_nd(x, reversed, value);
}

at::Tensor fastest_layout(const at::Tensor& x) {
  const bool image = x.dim() == 4 && x.scalar_type() == at::kFloat;
  return image ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

}  // namespace laconic::ops
