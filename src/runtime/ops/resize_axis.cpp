#include "runtime/ops/resize_axis.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace laconic::runtime {
namespace {

double half_pixel(const ResizedAxis& a, double x) {
  return (x + 0.5) / a.scale - 0.5;
}

double half_pixel_symmetric(const ResizedAxis& a, double x) {
  const double adjustment = static_cast<double>(a.out) / a.length;
  return static_cast<double>(a.in) / 2 * (1 - adjustment) + half_pixel(a, x);
}

double pytorch_half_pixel(const ResizedAxis& a, double x) {
  return a.out > 1 ? half_pixel(a, x) : 0;
}

double align_corners(const ResizedAxis& a, double x) {
  return a.length == 1 ? 0 : x * static_cast<double>(a.in - 1) / (a.length - 1);
}

double asymmetric(const ResizedAxis& a, double x) {
  return x / a.scale;
}

double tf_half_pixel_for_nn(const ResizedAxis& a, double x) {
  return (x + 0.5) / a.scale;
}

double tf_crop_and_resize(const ResizedAxis& a, double x) {
  const auto last = static_cast<double>(a.in - 1);
  if (a.out == 1) return 0.5 * (a.start + a.end) * last;
  return (a.start + x * (a.end - a.start) / static_cast<double>(a.out - 1)) * last;
}

struct CoordinateRow {
  std::string_view name;
  double (*function)(const ResizedAxis&, double);
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

}  // namespace

ResizeSettings read_resize_settings(const Call& call) {
  const bool old = call.opset < 11;
  ResizeSettings settings{};
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
  if (call.node.integer("antialias", 0) != 0) call.unsupported("antialias is not supported");
  if (call.node.text("keep_aspect_ratio_policy", "stretch") != "stretch") {
    call.unsupported("keep_aspect_ratio_policy is not supported");
  }
  return settings;
}

Taps make_taps(const Call& call, const ResizeSettings& settings, const ResizedAxis& axis) {
  Taps taps;
  taps.count = settings.weights != nullptr ? settings.weights(call, 0).size() : 1;
  taps.value = call.node.number("extrapolation_value", 0);
  const auto last = static_cast<double>(axis.in - 1);
  for (std::int64_t i = 0; i < axis.out; ++i) {
    const double x = settings.coordinate(axis, static_cast<double>(i));
    const double first = settings.weights != nullptr
                             ? std::floor(x) - static_cast<double>(taps.count) / 2 + 1
                             : settings.rounding(x);
    auto weights =
        settings.weights != nullptr ? settings.weights(call, x - std::floor(x)) : std::vector{1.0};
    double sum = 0;
    for (std::size_t k = 0; k < taps.count; ++k) {
      const double at = first + static_cast<double>(k);
      if (settings.exclude_outside && (at < 0 || at > last)) weights[k] = 0;
      sum += weights[k];
      taps.positions.push_back(static_cast<std::int64_t>(std::clamp(at, 0.0, last)));
    }
    for (const double weight : weights) {
      taps.weights.push_back(static_cast<float>(settings.exclude_outside ? weight / sum : weight));
    }
    taps.outside.push_back(settings.extrapolates && (x < 0 || x > last));
  }
  return taps;
}

}  // namespace laconic::runtime
