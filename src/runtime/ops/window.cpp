#include "runtime/ops/window.h"

#include <algorithm>

namespace laconic::runtime {
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

Window read_window(const Call& call, const Shape& spatial, Integers kernel) {
  const auto rank = spatial.size();
  if (rank < 1 || rank > 3) {
    call.fail(fmt::format("takes values of 3 to 5 axes, not {}", text(call[0].shape)));
  }
  Window window;
  window.kernel = kernel.empty() ? per_axis(call, "kernel_shape", rank, 0, 1) : std::move(kernel);
  if (window.kernel.size() != rank) {
    call.fail(fmt::format("its kernel has {} axes, its input is {}", window.kernel.size(),
                          text(call[0].shape)));
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
    const auto count = (spatial[i] + window.strides[i] - 1) / window.strides[i];
    const auto wanted = (count - 1) * window.strides[i] + window.extent(i) - spatial[i];
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
                          text(call[0].shape)));
  }
  auto count = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (ceil_mode && (count - 1) * stride >= extent + window.begins[i]) --count;
  return count;
}

Integers kernel_of(const Call& call, const Shape& weight) {
  if (weight.size() < 3) call.fail(fmt::format("its weight is {}", text(weight)));
  Integers kernel(weight.begin() + 2, weight.end());
  if (call.node.has("kernel_shape") && call.node.integers("kernel_shape") != kernel) {
    call.fail(fmt::format("kernel_shape is not that of its weight {}", text(weight)));
  }
  return kernel;
}

}  // namespace laconic::runtime
