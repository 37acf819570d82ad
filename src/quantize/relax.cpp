// Newton's method on Lloyd's condition: every cut half way between the levels on its two sides.
//
// Moving one cut at a time, or all within a narrow band, hardly corrects errors that many cuts
// share: those of long waves are almost free. The equations couple neighbours only, so that a
// tridiagonal system moves all cuts at once.

#include <algorithm>
#include <cmath>

#include "quantize/partition.h"

namespace laconic {
namespace {

constexpr int most_rounds = 30;

/// What the equation of a cut needs to know about the points around it.
struct Neighbourhood {
  double value = 0;       ///< Where the cut is.
  double spacing = 0;     ///< Mean distance of neighbouring points.
  double importance = 0;  ///< Mean importance of a point.
};

Neighbourhood around(const Line& line, const Cell& below, const Cell& above) {
  const auto points = line.points();
  const std::size_t at = below.last;
  const std::size_t reach =
      std::max<std::size_t>(1, std::min(below.last - below.first, above.last - above.first) / 4);
  const std::size_t first = at - std::min(reach, at), last = std::min(at + reach, line.size() - 1);
  const auto width = static_cast<double>(last - first);
  return {.value = 0.5 * (points[at - 1] + points[at]),
          .spacing = (points[last] - points[first]) / width,
          .importance = line.importance(first, last) / width};
}

double level_of(const Line& line, const Cell& cell) {
  if (cell.pinned) return cell.level;
  return line.origin() + (line.running_offset()[cell.last] - line.running_offset()[cell.first]) /
                             line.importance(cell.first, cell.last);
}

/// How many points each cut should move for all equations to hold, to first order. Empty where that
/// cannot be told.
std::vector<double> newton_step(const Line& line, const Partition& cells) {
  const std::size_t count = cells.size() - 1;
  std::vector<Neighbourhood> cuts;
  std::vector<double> levels;
  for (const auto& cell : cells) {
    if (cell.first == cell.last) return {};
    levels.push_back(level_of(line, cell));
  }
  for (std::size_t i = 0; i < count; ++i) cuts.push_back(around(line, cells[i], cells[i + 1]));
  // How far the level of a cell follows a cut at one of its ends, per point.
  const auto follow = [&](std::size_t cell, std::size_t cut) {
    if (cells[cell].pinned) return 0.0;
    return 0.5 * cuts[cut].importance * std::abs(cuts[cut].value - levels[cell]) /
           line.importance(cells[cell].first, cells[cell].last);
  };
  // Thomas' algorithm: above[i] and step[i] are row i of the system after elimination.
  std::vector<double> above(count), step(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double below = i > 0 ? -follow(i, i - 1) : 0;
    const double pivot =
        cuts[i].spacing - follow(i, i) - follow(i + 1, i) - (i > 0 ? below * above[i - 1] : 0);
    // Among a few scattered points the equation says nothing: such a cut stays.
    if (!(pivot > 0.1 * cuts[i].spacing)) continue;
    above[i] = (i + 1 < count ? -follow(i + 1, i + 1) : 0) / pivot;
    const double residual = cuts[i].value - 0.5 * (levels[i] + levels[i + 1]);
    step[i] = (-residual - (i > 0 ? below * step[i - 1] : 0)) / pivot;
  }
  for (std::size_t i = count - 1; i-- > 0;) step[i] -= above[i] * step[i + 1];
  return step;
}

/// The partition with cuts moved by a share of `step`, at most half way to the next cut.
Partition moved(const Partition& cells, const std::vector<double>& step, double share) {
  Partition result = cells;
  for (std::size_t i = 0; i < step.size(); ++i) {
    const auto room_below = static_cast<double>((cells[i].last - cells[i].first) / 2);
    const auto room_above = static_cast<double>((cells[i + 1].last - cells[i + 1].first - 1) / 2);
    const double points = std::clamp(share * step[i], -room_below, room_above);
    const auto at = static_cast<std::ptrdiff_t>(cells[i].last) + std::lround(points);
    result[i].last = result[i + 1].first = static_cast<std::size_t>(at);
  }
  return result;
}

}  // namespace

void relax(const Line& line, Partition& partition) {
  if (partition.size() < 2) return;
  double best = cost(line, partition);
  for (int round = 0; round < most_rounds; ++round) {
    const auto step = newton_step(line, partition);
    const auto farther = [](double a, double b) { return std::abs(a) < std::abs(b); };
    if (step.empty() || std::abs(*std::max_element(step.begin(), step.end(), farther)) < 0.5)
      return;
    double share = 1;
    for (; share > 0.1; share /= 2) {
      auto candidate = moved(partition, step, share);
      const double now = cost(line, candidate);
      if (!(now < best)) continue;
      partition = std::move(candidate);
      best = now;
      break;
    }
    if (share <= 0.1) return;
  }
}

}  // namespace laconic
