// Average precision as PASCAL VOC and COCO define it.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "laconic/detection.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::size_t most_of_coco = 100;

struct Ranked {
  float score = 0;
  std::size_t image = 0;
  Box box;
};

/// All detections of a class by falling score; of equal ones, those of earlier images first.
std::vector<Ranked> ranked(std::span<const JudgedImage> images, std::int64_t label,
                           MatchRule rule) {
  std::vector<Ranked> all;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto first = all.size();
    for (const auto& found : images[i].detections) {
      if (found.label == label) all.push_back({found.score, i, found.box});
    }
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
    std::stable_sort(begin, all.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    if (rule == MatchRule::coco && all.size() - first > most_of_coco)
      all.resize(first + most_of_coco);
  }
  std::ranges::stable_sort(all, [](const auto& a, const auto& b) { return a.score > b.score; });
  return all;
}

enum class Verdict : std::uint8_t { right, wrong, ignored };

/// The objects of one class in one image, and which of them have been found.
class Objects {
 public:
  Objects(std::span<const Object> objects, std::int64_t label) {
    for (const auto& object : objects) {
      if (object.label == label) objects_.push_back(object);
    }
    found_.resize(objects_.size());
  }

  [[nodiscard]] std::int64_t to_find() const {
    return std::ranges::count_if(objects_, [](const auto& object) { return !object.difficult; });
  }

  Verdict judge(const Box& box, double overlap, MatchRule rule) {
    const auto best = rule == MatchRule::voc
                          ? largest(box, [&](std::size_t i) { return !objects_[i].crowd; })
                          : free(box, overlap);
    if (best == objects_.size() || iou(box, objects_[best].box) < overlap)
      return in_a_crowd(box, overlap) ? Verdict::ignored : Verdict::wrong;
    if (objects_[best].difficult) return Verdict::ignored;
    if (found_[best]) return Verdict::wrong;
    found_[best] = true;
    return Verdict::right;
  }

 private:
  /// The object of largest overlap among those that `counts`; their number if there is none.
  template <typename Counts>
  std::size_t largest(const Box& box, const Counts& counts) const {
    std::size_t best = objects_.size();
    double most = 0;
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      const double overlap = counts(i) ? iou(box, objects_[i].box) : 0;
      if (overlap > most) {
        most = overlap;
        best = i;
      }
    }
    return best;
  }

  /// COCO: an object to be found goes before one that is not counted, however large its overlap.
  std::size_t free(const Box& box, double overlap) const {
    const auto best =
        largest(box, [&](std::size_t i) { return !objects_[i].difficult && !found_[i]; });
    if (best < objects_.size() && iou(box, objects_[best].box) >= overlap) return best;
    return largest(box, [&](std::size_t i) { return objects_[i].difficult; });
  }

  bool in_a_crowd(const Box& box, double overlap) const {
    return std::ranges::any_of(objects_, [&](const auto& object) {
      return object.crowd && share_inside(box, object.box) >= overlap;
    });
  }

  std::vector<Object> objects_;
  std::vector<bool> found_;
};

/// Mean of the best precision at recalls 0, 1/steps to 1.
double sampled(std::span<const PrecisionRecall> envelope, int steps) {
  double sum = 0;
  std::size_t at = 0;
  for (int i = 0; i <= steps; ++i) {
    // Recalls are fractions of small numbers: a hair's breadth decides nothing.
    const double recall = static_cast<double>(i) / steps - 1e-12;
    while (at < envelope.size() && envelope[at].recall < recall) ++at;
    if (at < envelope.size()) sum += envelope[at].precision;
  }
  return sum / (steps + 1);
}

double mean(std::span<const double> values) {
  double sum = 0, count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return sum / count;
}

}  // namespace

PrecisionCurve precision_curve(std::span<const JudgedImage> images, std::int64_t label,
                               double overlap, MatchRule rule) {
  PrecisionCurve curve;
  std::vector<Objects> objects;
  for (const auto& image : images) {
    objects.emplace_back(image.objects, label);
    curve.objects += objects.back().to_find();
  }
  double right = 0, counted = 0;
  for (const auto& found : ranked(images, label, rule)) {
    const auto verdict = objects[found.image].judge(found.box, overlap, rule);
    if (verdict == Verdict::ignored) continue;
    ++counted;
    if (verdict == Verdict::right) ++right;
    const auto all = static_cast<double>(curve.objects);
    curve.points.push_back({found.score, all > 0 ? right / all : 0, right / counted});
  }
  return curve;
}

double average_precision(const PrecisionCurve& curve, AreaRule rule) {
  if (curve.objects == 0) return std::numeric_limits<double>::quiet_NaN();
  auto envelope = curve.points;
  for (std::size_t i = envelope.size(); i-- > 1;) {
    envelope[i - 1].precision = std::max(envelope[i - 1].precision, envelope[i].precision);
  }
  if (rule == AreaRule::eleven_points) return sampled(envelope, 10);
  if (rule == AreaRule::points_101) return sampled(envelope, 100);
  double area = 0, before = 0;
  for (const auto& point : envelope) {
    area += (point.recall - before) * point.precision;
    before = point.recall;
  }
  return area;
}

DetectionScore score_detections(std::span<const JudgedImage> images, std::int64_t classes) {
  DetectionScore score;
  std::vector<double> eleven, coco50, coco;
  for (std::int64_t label = 0; label < classes; ++label) {
    const auto curve = precision_curve(images, label, 0.5, MatchRule::voc);
    score.objects.push_back(curve.objects);
    score.ap50.push_back(average_precision(curve, AreaRule::area));
    eleven.push_back(average_precision(curve, AreaRule::eleven_points));
    std::array<double, 10> at{};
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double overlap = 0.5 + 0.05 * static_cast<double>(i);
      at[i] = average_precision(precision_curve(images, label, overlap, MatchRule::coco),
                                AreaRule::points_101);
    }
    coco50.push_back(at[0]);
    coco.push_back(mean(at));
  }
  if (std::ranges::all_of(score.objects, [](auto count) { return count == 0; }))
    fail(ErrorCode::invalid_data, "none of the {} images has an object to find", images.size());
  score.map50 = mean(score.ap50);
  score.map50_2007 = mean(eleven);
  score.coco_map50 = mean(coco50);
  score.coco_map50_95 = mean(coco);
  return score;
}

}  // namespace laconic
