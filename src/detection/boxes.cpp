#include "detection/boxes.h"

#include <algorithm>
#include <array>
#include <bit>
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

/// A number that grows as a finite score falls: with a place behind it, what to sort by.
std::uint32_t falling(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // Of the two zeros, one.
  return (bits >> 31) != 0 ? bits : ~(bits | 0x80000000U);
}

/// Boxes to compare others with, which is what suppression spends its time on: side by side, so
/// that compilers compare several at once.
class KeptBoxes {
 public:
  explicit KeptBoxes(double overlap)
      : overlap_(overlap), near_(static_cast<float>(overlap * (1 - 1e-4))) {}

  void add(const Box& box) {
    if (count_ % lanes == 0) groups_.emplace_back();
    auto& group = groups_.back();
    const auto lane = count_++ % lanes;
    group.x1[lane] = box.x1;
    group.y1[lane] = box.y1;
    group.x2[lane] = box.x2;
    group.y2[lane] = box.y2;
    group.area[lane] = static_cast<float>(area(box));
  }

  /// Whether one of them overlaps the box by more.
  [[nodiscard]] bool cover(const Box& box) const {
    return std::ranges::any_of(groups_, [&](const Group& group) {
      if (!any_near(group, box, static_cast<float>(area(box)))) return false;
      for (std::size_t i = 0; i < lanes; ++i)
        if (iou({group.x1[i], group.y1[i], group.x2[i], group.y2[i]}, box) > overlap_) return true;
      return false;
    });
  }

 private:
  static constexpr std::size_t lanes = 8;
  using Lanes = std::array<float, lanes>;
  /// Boxes that are not there have no area.
  struct Group {
    Lanes x1{}, y1{}, x2{}, y2{}, area{};
  };

  /// In floats, and true a little too often.
  [[nodiscard]] bool any_near(const Group& group, const Box& box, float box_area) const {
    int any = 0;
    for (std::size_t i = 0; i < lanes; ++i) {
      const float width = std::min(group.x2[i], box.x2) - std::max(group.x1[i], box.x1);
      const float height = std::min(group.y2[i], box.y2) - std::max(group.y1[i], box.y1);
      const float both = std::max(width, 0.0F) * std::max(height, 0.0F);
      any |= both >= near_ * (group.area[i] + box_area - both) ? 1 : 0;
    }
    return any != 0;
  }

  double overlap_;
  float near_;
  std::vector<Group> groups_;
  std::size_t count_ = 0;
};

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
  std::vector<std::uint64_t> keys;
  keys.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (std::isfinite(scores[i])) keys.push_back(std::uint64_t{falling(scores[i])} << 32 | i);
  if (const auto kept = static_cast<std::size_t>(most); kept < keys.size()) {
    std::ranges::nth_element(keys, keys.begin() + most);
    keys.resize(kept);
  }
  std::ranges::sort(keys);
  std::vector<std::size_t> order(keys.size());
  std::ranges::transform(keys, order.begin(), [](std::uint64_t key) { return key & 0xffffffff; });
  return order;
}

std::vector<std::size_t> suppress(std::span<const Box> boxes, std::span<const float> scores,
                                  double overlap, std::int64_t most) {
  std::vector<std::size_t> kept;
  KeptBoxes compared(overlap);
  for (const auto i : best_first(scores, std::ssize(scores))) {
    if (std::ssize(kept) == most) break;
    if (compared.cover(boxes[i])) continue;
    kept.push_back(i);
    compared.add(boxes[i]);
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
