// Axes of charts: which numbers they bear, where values lie, how numbers are written.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace laconic {

enum class Scale { linear, logarithmic };
enum class Unit { number, bytes, percent };  ///< Percent: of shares, 0.5 is "50 %".

/// A value with about four significant digits, in its unit; "–" for NaN.
[[nodiscard]] std::string figure(double value, Unit unit = Unit::number);

class Axis {
 public:
  /// Wide enough for all finite values, which are positive if the scale is logarithmic, with room
  /// at the ends; 0 to 1 for none.
  Axis(std::string label, Scale scale, Unit unit, std::span<const double> values);

  /// From `low` to `high`, exactly.
  Axis(std::string label, double low, double high);

  [[nodiscard]] const std::string& label() const noexcept { return label_; }

  /// 0 at the low end, 1 at the high end.
  [[nodiscard]] double place(double value) const noexcept;

  /// Whether the axis can bear the value at all: finite, and positive if need be.
  [[nodiscard]] bool bears(double value) const noexcept;

  /// Few round values, ascending.
  [[nodiscard]] std::vector<double> ticks() const;
  [[nodiscard]] std::string tick_text(double tick) const;

 private:
  std::string label_;
  Scale scale_ = Scale::linear;
  Unit unit_ = Unit::number;
  double low_ = 0, high_ = 1;
};

}  // namespace laconic
