#include "quantize/lloyd.h"

#include <algorithm>
#include <cmath>

#include "quantize/levels.h"

namespace laconic {
namespace {

void sort_distinct(std::vector<float>& levels) {
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
}

/// The pinned levels and those of `start` but the nearest to each.
std::vector<float> with_pins(std::vector<float> start, std::span<const float> pinned) {
  for (const float pin : pinned) {
    if (start.empty()) break;
    start.erase(std::min_element(start.begin(), start.end(), [&](float a, float b) {
      return std::abs(static_cast<double>(a) - pin) < std::abs(static_cast<double>(b) - pin);
    }));
  }
  start.insert(start.end(), pinned.begin(), pinned.end());
  sort_distinct(start);
  return start;
}

/// The point whose weighted squared error is largest, the first of equals.
double worst_point(const Line& line, const Partition& partition, std::span<const float> levels) {
  double worst = -1, at = 0;
  for (std::size_t i = 0; i < partition.size(); ++i) {
    for (std::size_t p = partition[i].first; p < partition[i].last; ++p) {
      const double error = line.points()[p] - static_cast<double>(levels[i]);
      if (line.importances()[p] * error * error > worst) {
        worst = line.importances()[p] * error * error;
        at = line.points()[p];
      }
    }
  }
  return at;
}

}  // namespace

std::vector<float> initial_levels(const Line& line, std::size_t levels, LloydInit init) {
  const double low = line.points().front(), high = line.points().back();
  std::vector<float> start;
  if (init == LloydInit::linear) {
    for (std::size_t i = 0; i < levels; ++i) {
      const double share =
          levels > 1 ? static_cast<double>(i) / static_cast<double>(levels - 1) : 0.5;
      start.push_back(static_cast<float>((1 - share) * low + share * high));
    }
  } else {
    start.push_back(0);
    const double largest = std::max(-low, high);
    float power = largest > 0 ? static_cast<float>(std::exp2(std::ilogb(largest))) : 0;
    for (std::size_t i = 1; i < levels; ++i) {
      start.push_back(i % 2 == 1 ? power : -power);
      if (i % 2 == 0) power /= 2;
    }
  }
  sort_distinct(start);
  return start;
}

std::vector<float> lloyd(const Line& line, std::vector<float> start, std::span<const float> pinned,
                         const LloydOptions& options) {
  auto levels = with_pins(std::move(start), pinned);
  std::vector<std::size_t> cuts;
  for (int sweep = 0; sweep < options.sweeps; ++sweep) {
    const auto partition = nearest_partition(line, levels, pinned);
    std::vector<std::size_t> now;
    bool any_empty = false;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const auto& cell = partition[i];
      now.push_back(cell.last);
      any_empty = any_empty || (cell.first == cell.last && !cell.pinned);
    }
    if (now == cuts) break;
    cuts = std::move(now);
    // One empty level a round: the next may find its place among the new cells.
    if (any_empty && options.empty == EmptyLevel::reseed) {
      const auto point = static_cast<float>(worst_point(line, partition, levels));
      for (std::size_t i = 0; i < levels.size(); ++i) {
        const auto& cell = partition[i];
        if (cell.first == cell.last && !cell.pinned) {
          levels[i] = point;
          break;
        }
      }
    } else {
      for (std::size_t i = 0; i < levels.size(); ++i) {
        const auto& cell = partition[i];
        if (cell.first < cell.last && !cell.pinned) {
          levels[i] = static_cast<float>(line.mean(cell.first, cell.last));
        }
      }
    }
    sort_distinct(levels);
  }
  return levels;
}

}  // namespace laconic
