#include <fmt/format.h>

#include <array>
#include <cmath>

#include "laconic/precision_curves.h"

namespace laconic {
namespace {

constexpr double side = 400, margin = 50, legend = 220;
/// Points nearer than this share of a side are not told apart.
constexpr double resolution = 0.002;

/// Easy to tell apart for most eyes: Okabe and Ito's.
constexpr std::array<std::string_view, 7> colors{"#d55e00", "#0072b2", "#009e73", "#cc79a7",
                                                 "#e69f00", "#56b4e9", "#000000"};

double x_of(double recall) {
  return margin + side * recall;
}
double y_of(double precision) {
  return margin + side * (1 - precision);
}

/// Names come from annotations.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return out;
}

std::string grid() {
  std::string out;
  for (int i = 0; i <= 5; ++i) {
    const double at = i / 5.0;
    out += fmt::format(
        "<path d=\"M{0:.1f} {1:.1f}V{2:.1f}M{3:.1f} {4:.1f}H{5:.1f}\" stroke=\"#ddd\"/>\n"
        "<text x=\"{0:.1f}\" y=\"{6:.1f}\" text-anchor=\"middle\">{7:.1f}</text>\n"
        "<text x=\"{8:.1f}\" y=\"{9:.1f}\" text-anchor=\"end\">{7:.1f}</text>\n",
        x_of(at), y_of(0), y_of(1), x_of(0), y_of(at), x_of(1), y_of(0) + 18, at, x_of(0) - 6,
        y_of(at) + 4);
  }
  return out + fmt::format(
                   "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">recall</text>\n"
                   "<text x=\"{:.1f}\" y=\"{:.1f}\">precision</text>\n",
                   x_of(0.5), y_of(0) + 38, x_of(0) - 40, y_of(1) - 14);
}

std::string line_of(const PrecisionCurve& curve, std::string_view color) {
  std::string path;
  PrecisionRecall last{0, -1, -1};
  for (std::size_t i = 0; i < curve.points.size(); ++i) {
    const auto& point = curve.points[i];
    const bool near = std::abs(point.recall - last.recall) < resolution &&
                      std::abs(point.precision - last.precision) < resolution;
    if (near && i + 1 < curve.points.size()) continue;
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x_of(point.recall),
                        y_of(point.precision));
    last = point;
  }
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n", path,
                     color);
}

}  // namespace

std::string draw_precision_curves(std::span<const JudgedImage> images,
                                  std::span<const std::string> names) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      side + 2 * margin + legend, side + 2 * margin);
  out += grid();
  int row = 0;
  for (std::size_t label = 0; label < names.size(); ++label) {
    const auto curve =
        precision_curve(images, static_cast<std::int64_t>(label), 0.5, MatchRule::voc);
    if (curve.objects == 0) continue;
    const auto color = colors[static_cast<std::size_t>(row) % colors.size()];
    out += line_of(curve, color);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"{}\">{}, AP50 {:.3f}</text>\n",
                       x_of(1) + 16, y_of(1) + 18 * ++row, color, escaped(names[label]),
                       average_precision(curve, AreaRule::area));
  }
  return out + "</svg>\n";
}

}  // namespace laconic
