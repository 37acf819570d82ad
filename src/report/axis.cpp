#include "report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/human.h"

namespace laconic {
namespace {

constexpr int wanted_ticks = 5, most_ticks = 12;
constexpr double least_points = 0.01;  // Of an axis of shares, from end to end.

double coordinate(double value, Scale scale) {
  return scale == Scale::logarithmic ? std::log10(value) : value;
}

/// The round step nearest above: 1, 2, 2.5 or 5 times a power of ten.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double times : {1.0, 2.0, 2.5, 5.0}) {
    if (times * power >= step * (1 - 1e-9)) return times * power;
  }
  return 10 * power;
}

std::vector<double> linear_ticks(double low, double high) {
  std::vector<double> out;
  const double step = round_step((high - low) / wanted_ticks);
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; i < most_ticks; ++i) {
    const double tick = (first + i) * step;
    if (tick > high + 1e-9 * step) break;
    out.push_back(tick);
  }
  return out;
}

/// 1, 2 and 5 times powers of ten where they are few, else powers of ten, or every second one.
std::vector<double> logarithmic_ticks(double low, double high) {
  constexpr std::array<double, 3> fine{1, 2, 5}, coarse{1, 0, 0};
  const int first = static_cast<int>(std::floor(low)), last = static_cast<int>(std::floor(high));
  const auto& mantissas = high - low < 2.2 ? fine : coarse;
  const int stride = std::max(1, (last - first) / wanted_ticks);
  std::vector<double> out;
  for (int power = first; power <= last; power += stride) {
    for (const double mantissa : mantissas) {
      if (mantissa == 0) continue;
      const double tick = mantissa * std::pow(10, power);
      const double at = std::log10(tick);
      if (at >= low && at <= high) out.push_back(tick);
    }
  }
  return out;
}

}  // namespace

std::string figure(double value, Unit unit) {
  if (!std::isfinite(value)) return "–";
  if (unit == Unit::bytes) return human_bytes(value);
  if (unit == Unit::percent) return fmt::format("{:.2f} %", 100 * value);
  return fmt::format("{:.4g}", value);
}

Axis::Axis(std::string label, Scale scale, Unit unit, std::span<const double> values)
    : label_(std::move(label)), scale_(scale), unit_(unit) {
  double low = INFINITY, high = -INFINITY;
  for (const double value : values) {
    if (!bears(value)) continue;
    low = std::min(low, coordinate(value, scale));
    high = std::max(high, coordinate(value, scale));
  }
  if (low > high) return;
  // A single value, or such as differ by rounding only, still lie in the middle of something.
  const double size = std::max(std::abs(low), std::abs(high)), span = high - low;
  const double alone = scale == Scale::logarithmic ? 0.1 : std::max(0.02 * size, 1e-9);
  double room = span > 1e-6 * size ? 0.06 * span : alone;
  // Hundredths of a point are not to look like much.
  if (unit == Unit::percent) room = std::max(room, (least_points - span) / 2);
  low_ = low - room;
  high_ = high + room;
  if (unit == Unit::percent) high_ = std::max(std::min(high_, 1 + room / 3), high);
}

Axis::Axis(std::string label, double low, double high)
    : label_(std::move(label)), low_(low), high_(high) {}

double Axis::place(double value) const noexcept {
  return (coordinate(value, scale_) - low_) / (high_ - low_);
}

bool Axis::bears(double value) const noexcept {
  return std::isfinite(value) && (scale_ == Scale::linear || value > 0);
}

std::vector<double> Axis::ticks() const {
  if (scale_ == Scale::linear) return linear_ticks(low_, high_);
  // Within half a power of ten or so, 1, 2 and 5 are too few.
  const bool narrow = high_ - low_ < 0.65;
  return narrow ? linear_ticks(std::pow(10, low_), std::pow(10, high_))
                : logarithmic_ticks(low_, high_);
}

std::string Axis::tick_text(double tick) const {
  if (std::abs(tick) < 1e-9 * (high_ - low_) && scale_ == Scale::linear) tick = 0;
  if (unit_ == Unit::bytes) {
    const auto text = human_bytes(tick);  // "50.0 KB", without the ".0".
    const auto point = text.find('.');
    const auto end = text.find(' ');
    if (point == std::string::npos) return text;
    const bool zeros = text.find_first_not_of('0', point + 1) == end;
    return zeros ? text.substr(0, point) + text.substr(end) : text;
  }
  if (unit_ == Unit::percent) return fmt::format("{:.6g} %", 100 * tick);
  return fmt::format("{:.6g}", tick);
}

}  // namespace laconic
