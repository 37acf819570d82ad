// Resize: interpolation, one axis after another. Each position of a resized axis is a weighted sum
// of one (nearest), two (linear) or four (cubic) positions of the axis before.

#include <algorithm>
#include <array>
#include <cmath>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

/// How one axis is resized.
struct Axis {
  std::int64_t in = 0;
  std::int64_t out = 0;
  double scale = 1;
  double length = 0;  ///< Of the output, before it was rounded to `out`.
  double start = 0;   ///< Region of interest, as fractions of the input.
  double end = 1;
};

using Coordinate = double (*)(const Axis&, double position);

double half_pixel(const Axis& a, double x) {
  return (x + 0.5) / a.scale - 0.5;
}

double half_pixel_symmetric(const Axis& a, double x) {
  const double adjustment = static_cast<double>(a.out) / a.length;
  return static_cast<double>(a.in) / 2 * (1 - adjustment) + half_pixel(a, x);
}

double pytorch_half_pixel(const Axis& a, double x) {
  return a.out > 1 ? half_pixel(a, x) : 0;
}

double align_corners(const Axis& a, double x) {
  return a.length == 1 ? 0 : x * static_cast<double>(a.in - 1) / (a.length - 1);
}

double asymmetric(const Axis& a, double x) {
  return x / a.scale;
}

double tf_half_pixel_for_nn(const Axis& a, double x) {
  return (x + 0.5) / a.scale;
}

double tf_crop_and_resize(const Axis& a, double x) {
  const auto last = static_cast<double>(a.in - 1);
  if (a.out == 1) return 0.5 * (a.start + a.end) * last;
  return (a.start + x * (a.end - a.start) / static_cast<double>(a.out - 1)) * last;
}

struct CoordinateRow {
  std::string_view name;
  Coordinate function;
};

constexpr std::array coordinates = {
    CoordinateRow{"align_corners", align_corners},
    CoordinateRow{"asymmetric", asymmetric},
    CoordinateRow{"half_pixel", half_pixel},
    CoordinateRow{"half_pixel_symmetric", half_pixel_symmetric},
    CoordinateRow{"pytorch_half_pixel", pytorch_half_pixel},
    CoordinateRow{"tf_crop_and_resize", tf_crop_and_resize},
    CoordinateRow{"tf_half_pixel_for_nn", tf_half_pixel_for_nn},
};

/// Weights of the positions from floor(x) - taps/2 + 1 on, for a fraction x - floor(x).
using Weights = std::vector<double> (*)(const Call& call, double fraction);

std::vector<double> linear(const Call&, double t) {
  return {1 - t, t};
}

std::vector<double> cubic(const Call& call, double t) {
  const auto a = static_cast<double>(call.node.number("cubic_coeff_a", -0.75F));
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(1 + t), near(t), near(1 - t), far(2 - t)};
}

double round_prefer_floor(double x) {
  return std::ceil(x - 0.5);
}
double round_prefer_ceil(double x) {
  return std::floor(x + 0.5);
}

struct RoundingRow {
  std::string_view name;
  double (*function)(double);
};

constexpr std::array roundings = {
    RoundingRow{"ceil", std::ceil},
    RoundingRow{"floor", std::floor},
    RoundingRow{"round_prefer_ceil", round_prefer_ceil},
    RoundingRow{"round_prefer_floor", round_prefer_floor},
};

template <typename Table>
auto look_up(const Call& call, const Table& table, std::string_view key,
             std::string_view fallback) {
  const auto word = call.node.text(key, fallback);
  for (const auto& row : table) {
    if (row.name == word) return row.function;
  }
  call.fail(fmt::format("{} \"{}\" is not known", key, word));
}

/// What the node asks for, whatever its opset.
struct Settings {
  Coordinate coordinate;
  double (*rounding)(double);
  Weights weights;  ///< Null: nearest.
  bool exclude_outside;
  bool extrapolates;
};

Settings read_settings(const Call& call) {
  const bool old = call.opset < 11;
  Settings settings{};
  settings.coordinate =
      old ? asymmetric : look_up(call, coordinates, "coordinate_transformation_mode", "half_pixel");
  settings.rounding = old ? static_cast<double (*)(double)>(std::floor)
                          : look_up(call, roundings, "nearest_mode", "round_prefer_floor");
  const auto mode = call.node.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "cubic") {
    call.fail(fmt::format("mode is \"{}\", but must be nearest, linear or cubic", mode));
  }
  settings.weights = mode == "nearest" ? nullptr : mode == "linear" ? linear : cubic;
  settings.exclude_outside = call.node.integer("exclude_outside", 0) != 0;
  settings.extrapolates = settings.coordinate == tf_crop_and_resize;
  if (call.node.integer("antialias", 0) != 0) call.fail("antialias is not supported");
  if (call.node.text("keep_aspect_ratio_policy", "stretch") != "stretch") {
    call.fail("keep_aspect_ratio_policy is not supported");
  }
  return settings;
}

std::vector<Axis> read_axes(const Call& call, const Settings& settings) {
  const at::Tensor& x = call[0];
  const std::size_t scales_at = call.opset < 11 ? 1 : 2;
  const auto given = [&](std::size_t i) { return call.has(i) && call[i].numel() > 0; };
  const bool by_size = call.opset >= 11 && given(3);
  if (!by_size && !given(scales_at)) call.fail("needs scales or sizes");
  const auto targets = by_size ? call.numbers(3) : call.numbers(scales_at);
  auto which = call.node.integers("axes");
  if (which.empty()) {
    for (std::int64_t i = 0; i < x.dim(); ++i) which.push_back(i);
  }
  const auto roi = settings.extrapolates ? call.numbers(1) : std::vector<double>();
  if (targets.size() != which.size() || (settings.extrapolates && roi.size() != 2 * which.size())) {
    call.fail(fmt::format("has scales, sizes or a region that do not fit {}", text(x.sizes())));
  }
  std::vector<Axis> axes;
  for (const auto extent : x.sizes())
    axes.push_back({extent, extent, 1, static_cast<double>(extent)});
  for (std::size_t i = 0; i < which.size(); ++i) {
    Axis& axis = axes[static_cast<std::size_t>(call.wrap_axis(which[i], x.dim()))];
    const auto in = static_cast<double>(axis.in);
    axis.length = by_size ? targets[i] : in * targets[i];
    if (!(axis.length >= 0 && axis.length < 0x1p31) || !(targets[i] > 0)) {
      call.fail(fmt::format("resizes {} by {}", axis.in, targets[i]));
    }
    axis.out = static_cast<std::int64_t>(axis.length);
    axis.scale = by_size ? axis.length / in : targets[i];
    if (call.opset >= 19) axis.length = static_cast<double>(axis.out);
    if (settings.extrapolates) {
      axis.start = roi[i];
      axis.end = roi[which.size() + i];
    }
  }
  return axes;
}

/// For each tap, which position it takes and by what weight.
struct Taps {
  std::vector<Integers> positions;
  std::vector<std::vector<double>> weights;
};

Taps make_taps(const Call& call, const Settings& settings, const Axis& axis) {
  const std::size_t count = settings.weights ? settings.weights(call, 0).size() : 1;
  Taps taps{std::vector<Integers>(count), std::vector<std::vector<double>>(count)};
  for (std::int64_t i = 0; i < axis.out; ++i) {
    const double x = settings.coordinate(axis, static_cast<double>(i));
    const double first = settings.weights ? std::floor(x) - static_cast<double>(count) / 2 + 1
                                          : settings.rounding(x);
    auto weights = settings.weights ? settings.weights(call, x - std::floor(x)) : std::vector{1.0};
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const double at = first + static_cast<double>(k);
      const auto last = static_cast<double>(axis.in - 1);
      if (settings.exclude_outside && (at < 0 || at > last)) weights[k] = 0;
      sum += weights[k];
      taps.positions[k].push_back(static_cast<std::int64_t>(std::clamp(at, 0.0, last)));
    }
    for (std::size_t k = 0; k < count; ++k) {
      taps.weights[k].push_back(settings.exclude_outside ? weights[k] / sum : weights[k]);
    }
  }
  return taps;
}

at::Tensor resize_axis(const Call& call, const Settings& settings, const at::Tensor& x,
                       std::int64_t at, const Axis& axis) {
  const Taps taps = make_taps(call, settings, axis);
  at::Tensor out;
  for (std::size_t k = 0; k < taps.positions.size(); ++k) {
    const at::Tensor index = at::tensor(taps.positions[k], at::kLong).to(x.device());
    at::Tensor part = x.index_select(at, index);
    if (settings.weights) {
      Integers shape(static_cast<std::size_t>(x.dim()), 1);
      shape[static_cast<std::size_t>(at)] = -1;
      const auto type = at::isFloatingType(x.scalar_type()) ? x.scalar_type() : at::kFloat;
      part = part * at::tensor(taps.weights[k], at::kDouble).to(x.device(), type).reshape(shape);
    }
    out = out.defined() ? out + part : part;
  }
  return out;
}

/// Positions of the axis that lie outside of the input, as a mask that meets `x`.
at::Tensor outside(const at::Tensor& x, std::int64_t at, const Axis& axis) {
  at::Tensor mask = at::empty({axis.out}, at::kBool);
  for (std::int64_t i = 0; i < axis.out; ++i) {
    const double position = tf_crop_and_resize(axis, static_cast<double>(i));
    mask.data_ptr<bool>()[i] = position < 0 || position > static_cast<double>(axis.in - 1);
  }
  Integers shape(static_cast<std::size_t>(x.dim()), 1);
  shape[static_cast<std::size_t>(at)] = -1;
  return mask.reshape(shape).to(x.device());
}

Values resize(const Call& call) {
  at::Tensor x = call[0];
  const auto type = x.scalar_type();
  const Settings settings = read_settings(call);
  const auto axes = read_axes(call, settings);
  Integers shape;
  for (const Axis& axis : axes) {
    if (axis.in == 0 && axis.out > 0) call.fail("resizes an empty axis");
    shape.push_back(std::max(axis.in, axis.out));
  }
  call.check_size(shape);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[i];
    const auto at = static_cast<std::int64_t>(i);
    if (axis.in == axis.out && axis.scale == 1 && !settings.extrapolates) continue;
    x = resize_axis(call, settings, x, at, axis);
  }
  if (settings.extrapolates) {
    const float value = call.node.number("extrapolation_value", 0);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      x = x.masked_fill(outside(x, static_cast<std::int64_t>(i), axes[i]), value);
    }
  }
  return {x.to(type)};
}

constexpr std::array rows = {Row{"Resize", resize, true}};

}  // namespace

std::span<const Row> resizes() noexcept {
  return rows;
}

}  // namespace laconic::ops
