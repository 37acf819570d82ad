#include "quantize/line.h"

#include <algorithm>

namespace laconic {

Line::Line(std::vector<double> points, std::vector<double> importance)
    : points_(std::move(points)),
      importance_(std::move(importance)),
      origin_(points_[points_.size() / 2]),
      h_(points_.size() + 1),
      s_(points_.size() + 1),
      q_(points_.size() + 1) {
  const std::size_t middle = points_.size() / 2;
  for (std::size_t i = middle; i < points_.size(); ++i) {
    const double offset = points_[i] - origin_, moment = importance_[i] * offset;
    h_[i + 1] = h_[i] + importance_[i];
    s_[i + 1] = s_[i] + moment;
    q_[i + 1] = q_[i] + moment * offset;
  }
  for (std::size_t i = middle; i-- > 0;) {
    const double offset = points_[i] - origin_, moment = importance_[i] * offset;
    h_[i] = h_[i + 1] - importance_[i];
    s_[i] = s_[i + 1] - moment;
    q_[i] = q_[i + 1] - moment * offset;
  }
}

double Line::mean(std::size_t first, std::size_t last) const {
  // Differences of running sums lose digits where a run weighs little; a level is kept for good, so
  // it is summed afresh.
  const double start = points_[first];
  double h = 0, s = 0;
  for (std::size_t i = first; i < last; ++i) {
    h += importance_[i];
    s += importance_[i] * (points_[i] - start);
  }
  return std::clamp(start + s / h, start, points_[last - 1]);
}

}  // namespace laconic
