// Where a coarse dynamic program may cut, and the fit that begins there.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quantize/partition.h"

namespace laconic {
namespace {

constexpr std::size_t borders_per_level = 32;
constexpr std::size_t fewest = 512;  ///< Coarse borders.

/// The sum of measures, none counted for more than a level's share of it: the gap before an
/// outlier, however wide, wants one level.
double capped_total(const std::vector<double>& measures, std::size_t levels) {
  constexpr int most_rounds = 200;
  double total = std::accumulate(measures.begin(), measures.end(), 0.0);
  for (int round = 0; round < most_rounds; ++round) {
    const double cap = total / static_cast<double>(levels);
    double capped = 0;
    for (const double measure : measures) capped += std::min(measure, cap);
    if (capped > 0.99 * total) break;
    total = capped;
  }
  return total;
}

}  // namespace

Borders all_borders(const Line& line) {
  Borders borders;
  borders.at.resize(line.size() + 1);
  std::iota(borders.at.begin(), borders.at.end(), std::size_t{0});
  return borders;
}

Borders coarse_borders(const Line& line, std::size_t levels, std::size_t per_level) {
  const std::size_t size = line.size(), count = std::max(fewest, per_level * levels);
  const std::size_t run = std::max<std::size_t>(1, size / (8 * count));
  const auto points = line.points();
  // Of a run of points with the gap behind them: cube root of importance x width^2.
  const auto measure = [&](std::size_t first, std::size_t last) {
    const double width = points[std::min(last, size - 1)] - points[first];
    return std::cbrt(line.importance(first, last) * width * width);
  };
  std::vector<double> measures;
  for (std::size_t first = 0; first < size; first += run) {
    measures.push_back(measure(first, std::min(size, first + run)));
  }
  const double total = capped_total(measures, levels);
  const double cap = total / static_cast<double>(levels);
  const double share = count < size ? total / static_cast<double>(count) : 0;

  Borders borders{.at = {0}, .share = {0}};
  double passed = 0, since = 0;
  const auto pass = [&](std::size_t first, std::size_t last, double amount) {
    if (first > borders.at.back() && since + amount > share) {
      borders.at.push_back(first);
      borders.share.push_back(passed);
      since = 0;
    }
    since += std::min(amount, cap);
    passed += std::min(amount, cap);
    if (last == size) {
      borders.at.push_back(size);
      borders.share.push_back(passed);
    }
  };
  for (std::size_t first = 0; first < size; first += run) {
    const std::size_t last = std::min(size, first + run);
    const double amount = measures[first / run];
    if (amount <= share) {
      pass(first, last, amount);
    } else {  // Far out, where a few points fill a cell.
      for (std::size_t i = first; i < last; ++i) pass(i, i + 1, measure(i, i + 1));
    }
  }
  for (double& at : borders.share) at = passed > 0 ? at / passed : 0;
  return borders;
}

Partition fit_partition(const Line& line, std::size_t free_levels, std::span<const float> pinned) {
  const auto coarse = coarse_borders(line, free_levels + pinned.size(), borders_per_level);
  auto partition = best_partition(line, coarse, free_levels, pinned);
  std::vector<std::size_t> reach;
  for (std::size_t i = 0; i + 1 < partition.size(); ++i) {
    const std::size_t cut = partition[i].last;
    const auto at = std::lower_bound(coarse.at.begin(), coarse.at.end(), cut);
    const std::size_t below = at == coarse.at.begin() ? cut : *(at - 1);
    const std::size_t above = at + 1 >= coarse.at.end() ? cut : *(at + 1);
    reach.push_back(std::max(above - cut, cut - below));
  }
  refine(line, partition, std::move(reach));
  relax(line, partition);
  refine(line, partition, std::vector<std::size_t>(partition.size() - 1, 1));
  return partition;
}

}  // namespace laconic
