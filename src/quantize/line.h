// Points on a line, each with an importance, and running sums that give the weighted squared error
// of any run of neighbours in constant time: what clustering in one dimension works on. A point is
// a weight, or a bin of weights that stands at their mean.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace laconic {

class Line {
 public:
  /// `points` ascend; importances are positive; there is at least one point.
  Line(std::vector<double> points, std::vector<double> importance);

  [[nodiscard]] std::size_t size() const { return points_.size(); }
  [[nodiscard]] std::span<const double> points() const { return points_; }
  [[nodiscard]] std::span<const double> importances() const { return importance_; }

  /// Of the run of points [first, last).
  [[nodiscard]] double importance(std::size_t first, std::size_t last) const {
    return h_[last] - h_[first];
  }

  /// Squared error of a run about its mean; 0 for an empty one.
  [[nodiscard]] double cost(std::size_t first, std::size_t last) const {
    const double h = h_[last] - h_[first], s = s_[last] - s_[first];
    return h > 0 ? (q_[last] - q_[first]) - s * s / h : 0;
  }

  /// Squared error of a run about a given level.
  [[nodiscard]] double cost_at(double level, std::size_t first, std::size_t last) const {
    const double p = level - origin_;
    return (q_[last] - q_[first]) - 2 * p * (s_[last] - s_[first]) + p * p * (h_[last] - h_[first]);
  }

  /// Mean of a run that is not empty.
  [[nodiscard]] double mean(std::size_t first, std::size_t last) const;

  /// Running sums up to each of size() + 1 borders of importance, importance x offset, importance x
  /// offset^2, offsets counted from origin().
  [[nodiscard]] std::span<const double> running_importance() const { return h_; }
  [[nodiscard]] std::span<const double> running_offset() const { return s_; }
  [[nodiscard]] std::span<const double> running_square() const { return q_; }
  [[nodiscard]] double origin() const { return origin_; }

 private:
  std::vector<double> points_, importance_;
  double origin_;  ///< The middle point. Sums run outwards from it, so that far points, which make
                   ///< them large, do not blur differences among the near ones.
  std::vector<double> h_, s_, q_;
};

}  // namespace laconic
