#include "quantize/interval_start.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace laconic {
namespace {

constexpr std::size_t border_count = 512;

/// The shortest path over cuts. The rate term spoils the quadrangle inequality (section 12.2), so
/// that every cut is tried for every end.
class IntervalPath {
 public:
  IntervalPath(const Line& line, std::span<const std::uint32_t> counts, double lambda,
               std::span<const float> pinned)
      : line_(line), pinned_(pinned), at_(coarse_borders(line, 1, border_count).at) {
    std::vector<double> below(line.size() + 1, 0);
    std::partial_sum(counts.begin(), counts.end(), below.begin() + 1);
    const double total = below.back();
    for (std::size_t to = 0; to < at_.size(); ++to) {
      for (std::size_t from = 0; from <= to; ++from) {
        const double count = below[at_[to]] - below[at_[from]];
        rates_.push_back(count > 0 ? lambda * count * std::log2(total / count) : 0);
      }
    }
  }

  /// The best partition when every free cell costs `price` besides.
  [[nodiscard]] Partition cells(double price) const {
    // path[pins][border]: the least cost up to there, with so many pinned levels passed.
    struct Step {
      double cost = std::numeric_limits<double>::infinity();
      std::size_t from = 0;
      bool pinned = false;
    };
    const std::size_t borders = at_.size();
    std::vector<std::vector<Step>> path(pinned_.size() + 1, std::vector<Step>(borders));
    path[0][0].cost = 0;
    for (std::size_t pins = 0; pins <= pinned_.size(); ++pins) {
      for (std::size_t to = 0; to < borders; ++to) {
        Step& best = path[pins][to];
        const double* const rates = &rates_[to * (to + 1) / 2];
        for (std::size_t from = 0; from <= to; ++from) {
          if (pins > 0) {
            const double cost = path[pins - 1][from].cost + rates[from] +
                                line_.cost_at(pinned_[pins - 1], at_[from], at_[to]);
            if (cost < best.cost) best = {cost, from, true};
          }
          if (from == to) continue;
          const double cost =
              path[pins][from].cost + rates[from] + line_.cost(at_[from], at_[to]) + price;
          if (cost < best.cost) best = {cost, from, false};
        }
      }
    }
    Partition partition;
    for (std::size_t to = borders - 1, pins = pinned_.size(); to > 0 || pins > 0;) {
      const Step& step = path[pins][to];
      partition.push_back({.first = at_[step.from],
                           .last = at_[to],
                           .pinned = step.pinned,
                           .level = step.pinned ? pinned_[pins - 1] : 0});
      to = step.from;
      pins -= step.pinned;
    }
    return {partition.rbegin(), partition.rend()};
  }

 private:
  const Line& line_;
  std::span<const float> pinned_;
  std::vector<std::size_t> at_;
  std::vector<double> rates_;  ///< Of the cells up to each border, one after the other.
};

}  // namespace

Partition interval_partition(const Line& line, std::span<const std::uint32_t> counts, double lambda,
                             std::size_t levels, std::span<const float> pinned) {
  const IntervalPath path(line, counts, lambda, pinned);
  auto partition = path.cells(0);
  if (partition.size() <= levels) return partition;
  // Too many levels: the least price for which there are few enough.
  constexpr int halvings = 24;
  double low = 0, high = line.cost(0, line.size()) +
                         lambda * std::accumulate(counts.begin(), counts.end(), 0.0);
  // Prices that matter lie within many powers of two below the whole cost.
  const double lowest = high * 0x1p-60;
  for (int i = 0; i < halvings; ++i) {
    const double middle = std::sqrt(std::max(low, lowest) * high);
    auto cells = path.cells(middle);
    if (cells.size() <= levels) {
      high = middle;
      partition = std::move(cells);
    } else {
      low = middle;
    }
  }
  return partition.size() <= levels ? partition : path.cells(high);
}

}  // namespace laconic
