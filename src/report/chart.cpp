#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/markup.h"

namespace laconic {
namespace {

constexpr double left = 62, right = 16, top = 26, bottom = 48, letter = 6.4, line_height = 18;
constexpr std::size_t most_points = 4000, most_labels = 200, most_legend = 24, most_letters = 40;
/// Points of a line that are nearer than this, in pixels, are not told apart.
constexpr double resolution = 0.4;

/// Easy to tell apart for most eyes: Okabe and Ito's.
constexpr std::array<std::string_view, chart_colors> colors{
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"};

struct Box {
  double x, y, width, height;
  [[nodiscard]] bool meets(const Box& other) const {
    return x < other.x + other.width && other.x < x + width && y < other.y + other.height &&
           other.y < y + height;
  }
};

/// As good as can be said without fonts.
double text_width(const std::string& text) {
  return letter * static_cast<double>(std::min(text.size(), most_letters));
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) { place_legend(); }

  std::string draw() {
    const double width = left + chart_.width + right;
    const double height = top + chart_.height + bottom + line_height * legend_rows_;
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">"
        "\n<rect class=\"paper\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width, height);
    draw_grid();
    for (const auto& series : chart_.series) draw_series(series);
    draw_labels();
    draw_legend();
    return out_ + "</svg>\n";
  }

 private:
  [[nodiscard]] double x_of(double value) const {
    return left + chart_.width * chart_.x.place(value);
  }
  [[nodiscard]] double y_of(double value) const {
    return top + chart_.height * (1 - chart_.y.place(value));
  }
  [[nodiscard]] bool bears(const ChartPoint& point) const {
    return chart_.x.bears(point.x) && chart_.y.bears(point.y);
  }

  void draw_grid() {
    const double floor = top + chart_.height, end = left + chart_.width;
    for (const double tick : chart_.x.ticks()) {
      out_ += fmt::format(
          "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\" stroke=\"#ddd\"/>"
          "<text class=\"tick\" x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4}</text>\n",
          x_of(tick), floor, top, floor + 17, escape(chart_.x.tick_text(tick)));
    }
    for (const double tick : chart_.y.ticks()) {
      out_ += fmt::format(
          "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}H{2:.1f}\" stroke=\"#ddd\"/>"
          "<text class=\"tick\" x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
          left, y_of(tick), end, left - 7, y_of(tick) + 4, escape(chart_.y.tick_text(tick)));
    }
    out_ += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
        left + chart_.width / 2, floor + 37, escape(chart_.x.label()), 8.0, top - 11,
        escape(chart_.y.label()));
  }

  void draw_series(const ChartSeries& series) {
    const auto count = std::min(series.points.size(), most_points);
    if (series.line) draw_line(series, count);
    for (std::size_t i = 0; series.dots && i < count; ++i) {
      if (bears(series.points[i])) draw_dot(series, series.points[i]);
    }
  }

  void draw_line(const ChartSeries& series, std::size_t count) {
    std::string path;
    double last_x = -1e9, last_y = -1e9;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& point = series.points[i];
      if (!bears(point)) continue;
      const double x = x_of(point.x), y = y_of(point.y);
      const bool near = std::hypot(x - last_x, y - last_y) < resolution;
      if (near && i + 1 < count) continue;
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
      last_x = x;
      last_y = y;
    }
    if (path.empty()) return;
    out_ += fmt::format(
        "<path class=\"s{}\" d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"/>\n",
        series.color % chart_colors, path, chart_color(series.color));
  }

  void draw_dot(const ChartSeries& series, const ChartPoint& point) {
    const double x = x_of(point.x), y = y_of(point.y), radius = series.line ? 2.5 : 4.5;
    mark(x, y, radius, series.color, point.hollow, point.title);
    taken_.push_back({x - radius, y - radius, 2 * radius, 2 * radius});
    if (!point.label.empty() && labels_.size() < most_labels)
      labels_.push_back({x, y, series.color, &point.label});
  }

  /// A circle, a square or a diamond.
  void mark(double x, double y, double radius, std::size_t color, bool hollow,
            const std::string& title) {
    const auto paint =
        hollow
            ? fmt::format("class=\"s{} hollow\" fill=\"#fff\" stroke=\"{}\" stroke-width=\"1.5\"",
                          color % chart_colors, chart_color(color))
            : fmt::format("class=\"f{}\" fill=\"{}\"", color % chart_colors, chart_color(color));
    const auto inner = title.empty() ? "" : fmt::format("<title>{}</title>", escape(title));
    switch (color / chart_colors % 3) {
      case 0:
        out_ += fmt::format("<circle {} cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\">{}</circle>\n", paint,
                            x, y, radius, inner);
        break;
      case 1:
        out_ +=
            fmt::format("<rect {} x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\">{}</rect>\n",
                        paint, x - radius, y - radius, 2 * radius, 2 * radius, inner);
        break;
      default:
        out_ +=
            fmt::format("<path {0} d=\"M{1:.1f} {2:.1f}l{3} {3}l-{3} {3}l-{3} -{3}z\">{4}</path>\n",
                        paint, x, y - radius * 1.3, radius * 1.3, inner);
    }
  }

  /// Each where it covers nothing: right of its point, left, above, below; or nowhere.
  void draw_labels() {
    for (const auto& label : labels_) {
      const double width = text_width(*label.text);
      const double gap = 8;
      const std::array<Box, 4> places{Box{label.x + gap, label.y - 8, width, 14},
                                      Box{label.x - gap - width, label.y - 8, width, 14},
                                      Box{label.x - width / 2, label.y - 22, width, 14},
                                      Box{label.x - width / 2, label.y + 8, width, 14}};
      for (const Box& box : places) {
        const bool inside = box.x > left && box.x + box.width < left + chart_.width + right &&
                            box.y > top - 8 && box.y + box.height < top + chart_.height;
        if (!inside || std::ranges::any_of(taken_, [&](const Box& b) { return b.meets(box); }))
          continue;
        taken_.push_back(box);
        out_ += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", box.x,
                            box.y + 12, escape(*label.text, most_letters));
        break;
      }
    }
  }

  /// In rows below the axis, from left to right.
  void place_legend() {
    double x = left;
    for (const auto& series : chart_.series) {
      if (series.name.empty()) continue;
      if (legend_.size() == most_legend) {
        ++not_in_legend_;
        continue;
      }
      const double wide = 34 + text_width(series.name);
      if (legend_.empty() || x + wide > left + chart_.width + right) {
        x = left;
        ++legend_rows_;
      }
      legend_.push_back({x, line_height * (legend_rows_ - 1), series.color, &series.name});
      x += wide;
    }
    if (not_in_legend_ > 0) ++legend_rows_;
  }

  void draw_legend() {
    const double first = top + chart_.height + bottom + 4;
    for (const auto& entry : legend_) {
      mark(entry.x + 5, first + entry.y, 4.5, entry.color, false, {});
      out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", entry.x + 16,
                          first + entry.y + 4, escape(*entry.text, most_letters));
    }
    if (not_in_legend_ > 0) {
      out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">and {} more</text>\n", left,
                          first + line_height * (legend_rows_ - 1) + 4, not_in_legend_);
    }
  }

  struct Label {
    double x, y;
    std::size_t color;
    const std::string* text;
  };

  const Chart& chart_;
  std::string out_;
  int legend_rows_ = 0;
  std::size_t not_in_legend_ = 0;
  std::vector<Box> taken_;
  std::vector<Label> labels_, legend_;
};

}  // namespace

std::string_view chart_color(std::size_t number) noexcept {
  return colors[number % chart_colors];
}

std::string draw(const Chart& chart) {
  return Drawing(chart).draw();
}

}  // namespace laconic
