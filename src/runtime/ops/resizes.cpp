// Resize: interpolation, one axis after another. Each position of a resized axis is a weighted sum
// of one (nearest), two (linear) or four (cubic) positions of the axis before.

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "runtime/loops.h"
#include "runtime/ops/resize_axis.h"

namespace laconic::runtime {
namespace {

std::vector<ResizedAxis> read_axes(const Call& call, bool by_region) {
  const Signature& x = call[0];
  const std::size_t scales_at = call.opset < 11 ? 1 : 2;
  const auto given = [&](std::size_t i) { return call.has(i) && call[i].count() > 0; };
  const bool by_size = call.opset >= 11 && given(3);
  if (!by_size && !given(scales_at)) call.fail("needs scales or sizes");
  const auto targets = by_size ? call.numbers(3) : call.numbers(scales_at);
  auto which = call.node.integers("axes");
  if (which.empty()) {
    for (std::int64_t i = 0; i < x.rank(); ++i) which.push_back(i);
  }
  const auto roi = by_region ? call.numbers(1) : std::vector<double>();
  if (targets.size() != which.size() || (by_region && roi.size() != 2 * which.size())) {
    call.fail(fmt::format("has scales, sizes or a region that do not fit {}", text(x.shape)));
  }
  std::vector<ResizedAxis> axes;
  for (const auto extent : x.shape)
    axes.push_back({extent, extent, 1, static_cast<double>(extent)});
  for (std::size_t i = 0; i < which.size(); ++i) {
    ResizedAxis& axis = axes[static_cast<std::size_t>(call.wrap_axis(which[i], x.rank()))];
    const auto in = static_cast<double>(axis.in);
    axis.length = by_size ? targets[i] : in * targets[i];
    if (!(axis.length >= 0 && axis.length < 0x1p31) || !(targets[i] > 0)) {
      call.fail(fmt::format("resizes {} by {}", axis.in, targets[i]));
    }
    axis.out = static_cast<std::int64_t>(axis.length);
    axis.scale = by_size ? axis.length / in : targets[i];
    if (call.opset >= 19) axis.length = static_cast<double>(axis.out);
    if (by_region) {
      axis.start = roi[i];
      axis.end = roi[which.size() + i];
    }
  }
  return axes;
}

/// One axis of a value seen as outer x in x inner, to outer x out x inner.
struct Pass {
  Taps taps;
  std::int64_t outer, in, out, inner;

  void run(const float* from, float* to) const {
    const auto body = [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const auto i = static_cast<std::size_t>(row % out);
        const float* x = from + row / out * in * inner;
        float* y = to + row * inner;
        std::fill_n(y, inner, taps.outside[i] ? taps.value : 0);
        for (std::size_t k = 0; !taps.outside[i] && k < taps.count; ++k) {
          const float weight = taps.weights[i * taps.count + k];
          const float* tap = x + taps.positions[i * taps.count + k] * inner;
          for (std::int64_t j = 0; j < inner; ++j) y[j] += weight * tap[j];
        }
      }
    };
    parallel_ranges(outer * out, 4 + inner, body);
  }
};

Planned resize(const Call& call) {
  const Signature& x = call.floats(0);
  const ResizeSettings settings = read_resize_settings(call);
  const auto axes = read_axes(call, settings.extrapolates);
  Shape shape = x.shape;
  std::int64_t largest = 0;
  std::vector<Pass> passes;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const ResizedAxis& axis = axes[i];
    if (axis.in == 0 && axis.out > 0) call.fail("resizes an empty axis");
    if (axis.in == axis.out && axis.scale == 1 && !settings.extrapolates) continue;
    shape[i] = axis.out;
    largest = std::max(largest, call.sized(x.type, shape).count());
    const auto at = static_cast<std::int64_t>(i);
    passes.push_back({make_taps(call, settings, axis), extent_product(shape, 0, at), axis.in,
                      axis.out, extent_product(shape, at + 1, x.rank())});
  }
  Planned planned{{{x.type, shape}}, {}};
  if (passes.empty()) return planned;
  planned.scratch = 2 * static_cast<std::size_t>(largest) * sizeof(float);
  planned.run = [passes, largest](const Memory& memory) {
    const float* from = memory.in(0);
    auto* scratch = reinterpret_cast<float*>(memory.scratch);
    for (std::size_t i = 0; i < passes.size(); ++i) {
      float* to = i + 1 == passes.size() ? memory.out() : scratch + (i % 2 == 0 ? 0 : largest);
      passes[i].run(from, to);
      from = to;
    }
  };
  return planned;
}

constexpr std::array rows = {Row{"Resize", resize, from_input(1)}};

}  // namespace

std::span<const Row> resizes() noexcept {
  return rows;
}

}  // namespace laconic::runtime
