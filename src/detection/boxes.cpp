#include "detection/boxes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace laconic {
namespace {

/// A side grows at most from 16 pixels to 1,000.
const float most_growth = std::log(1000.0F / 16);

double overlap_of(double a1, double a2, double b1, double b2) {
  return std::max(0.0, std::min(a2, b2) - std::max(a1, b1));
}

double area(const Box& box) {
  return std::max(0.0, static_cast<double>(box.x2) - box.x1) *
         std::max(0.0, static_cast<double>(box.y2) - box.y1);
}

double common(const Box& a, const Box& b) {
  return overlap_of(a.x1, a.x2, b.x1, b.x2) * overlap_of(a.y1, a.y2, b.y1, b.y2);
}

double iou_of(double both, double a, double b) {
  return both > 0 ? both / (a + b - both) : 0;
}

}  // namespace

double iou(const Box& a, const Box& b) noexcept {
  return iou_of(common(a, b), area(a), area(b));
}

double share_inside(const Box& box, const Box& region) noexcept {
  const double both = common(box, region);
  return both > 0 ? both / area(box) : 0;
}

BoxShift shift_between(const Box& from, const Box& to) {
  return {((to.x1 + to.x2) - (from.x1 + from.x2)) / (2 * from.width()),
          ((to.y1 + to.y2) - (from.y1 + from.y2)) / (2 * from.height()),
          std::log(to.width() / from.width()), std::log(to.height() / from.height())};
}

Box shifted(const Box& from, const BoxShift& shift) {
  const float x = (from.x1 + from.x2) / 2 + shift[0] * from.width();
  const float y = (from.y1 + from.y2) / 2 + shift[1] * from.height();
  const float width = from.width() * std::exp(std::min(shift[2], most_growth));
  const float height = from.height() * std::exp(std::min(shift[3], most_growth));
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

Box clipped(const Box& box, double height, double width) {
  const auto h = static_cast<float>(height), w = static_cast<float>(width);
  return {std::clamp(box.x1, 0.0F, w), std::clamp(box.y1, 0.0F, h), std::clamp(box.x2, 0.0F, w),
          std::clamp(box.y2, 0.0F, h)};
}

std::vector<std::size_t> best_first(std::span<const float> scores, std::int64_t most) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isfinite(scores[i])) order.push_back(i);
  }
  const auto before = [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  if (const auto kept = static_cast<std::size_t>(most); kept < order.size()) {
    std::ranges::nth_element(order, order.begin() + most, before);
    order.resize(kept);
  }
  std::ranges::sort(order, before);
  return order;
}

std::vector<std::size_t> suppress(std::span<const Box> boxes, std::span<const float> scores,
                                  double overlap, std::int64_t most) {
  // Kept boxes lie together, with their areas: most of the time goes into comparing with them.
  struct Kept {
    Box box;
    double area;
  };
  std::vector<std::size_t> kept;
  std::vector<Kept> compared;
  for (const auto i : best_first(scores, std::ssize(scores))) {
    if (std::ssize(kept) == most) break;
    const Kept now{boxes[i], area(boxes[i])};
    const bool covered = std::ranges::any_of(compared, [&](const Kept& one) {
      return iou_of(common(one.box, now.box), one.area, now.area) > overlap;
    });
    if (covered) continue;
    kept.push_back(i);
    compared.push_back(now);
  }
  return kept;
}

std::vector<Box> anchors_of(const DetectorForm& form, std::int64_t height, std::int64_t width) {
  std::vector<Box> shapes;
  for (const double size : form.sizes) {
    for (const double ratio : form.ratios) {
      const auto w = static_cast<float>(size / std::sqrt(ratio) / 2);
      const auto h = static_cast<float>(size * std::sqrt(ratio) / 2);
      shapes.push_back({-w, -h, w, h});
    }
  }
  std::vector<Box> anchors;
  anchors.reserve(shapes.size() * static_cast<std::size_t>(height * width));
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t column = 0; column < width; ++column) {
      const auto x = static_cast<float>((static_cast<double>(column) + 0.5) *
                                        static_cast<double>(form.stride));
      const auto y =
          static_cast<float>((static_cast<double>(row) + 0.5) * static_cast<double>(form.stride));
      for (const auto& shape : shapes)
        anchors.push_back({x + shape.x1, y + shape.y1, x + shape.x2, y + shape.y2});
    }
  }
  return anchors;
}

}  // namespace laconic
