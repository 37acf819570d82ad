#include "quantize/partition.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "quantize/best_split.h"

namespace laconic {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The dynamic program between two pinned levels (or ends of the line): for every number of free
/// cells, the cheapest path over the segment's borders.
class Segment {
 public:
  Segment(const Line& line, std::span<const std::size_t> borders, std::size_t free_levels,
          const float* left, const float* right)
      : borders_(borders) {
    for (const std::size_t border : borders) {
      h_.push_back(line.running_importance()[border]);
      s_.push_back(line.running_offset()[border]);
      q_.push_back(line.running_square()[border]);
    }
    const std::size_t count = borders.size();
    std::vector<double> path(count, infinity), rest(count, infinity), next(count);
    path.front() = rest.back() = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (left != nullptr) path[i] = line.cost_at(*left, borders.front(), borders[i]);
      if (right != nullptr) rest[i] = line.cost_at(*right, borders[i], borders.back());
    }
    // More free cells than points, or than gaps between borders, are of no use.
    const std::size_t layers = std::min(free_levels, count - 1);
    close(path, rest);
    for (std::size_t layer = 0; layer < layers; ++layer) {
      path_.resize(count);
      for (std::size_t i = 0; i < count; ++i) path_[i] = path[i] - q_[i];
      cuts_.emplace_back(count);
      advance(path, next, 0, count, 0, count);
      path.swap(next);
      close(path, rest);
    }
  }

  /// Cost with `cells` free cells, for each number up to the most that are of use.
  [[nodiscard]] std::span<const double> costs() const { return costs_; }

  /// The cuts of the best path with so many cells: cells + 1 of them, ascending.
  [[nodiscard]] std::vector<std::size_t> cuts(std::size_t cells) const {
    std::vector<std::size_t> cuts(cells + 1);
    std::size_t at = ends_[cells];
    cuts[cells] = borders_[at];
    for (std::size_t cell = cells; cell-- > 0;) {
      at = cuts_[cell][at];
      cuts[cell] = borders_[at];
    }
    return cuts;
  }

 private:
  /// Ends every path with the pinned level on the right.
  void close(const std::vector<double>& path, const std::vector<double>& rest) {
    std::size_t best = path.size() - 1;
    for (std::size_t i = path.size() - 1; i-- > 0;) {
      if (path[i] + rest[i] < path[best] + rest[best]) best = i;
    }
    costs_.push_back(path[best] + rest[best]);
    ends_.push_back(static_cast<std::uint32_t>(best));
  }

  /// One more cell for paths to borders [first, last), whose last cuts lie in [low, high).
  void advance(const std::vector<double>& path, std::vector<double>& next, std::size_t first,
               std::size_t last, std::size_t low, std::size_t high) {
    while (first < last) {
      const std::size_t middle = first + (last - first) / 2;
      auto best =
          best_split({h_.data(), s_.data(), path_.data()}, middle, low, std::min(high, middle));
      best.value += q_[middle];
      // The new cell may be empty.
      if (middle < high && !(best.value < path[middle])) best = {path[middle], middle};
      next[middle] = best.value;
      cuts_.back()[middle] = static_cast<std::uint32_t>(best.at);
      advance(path, next, first, middle, low, best.at + 1);
      first = middle + 1;
      low = best.at;
    }
  }

  std::span<const std::size_t> borders_;
  std::vector<double> h_, s_, q_, path_;
  std::vector<std::vector<std::uint32_t>> cuts_;  ///< Per layer and border, the last cut.
  std::vector<double> costs_;
  std::vector<std::uint32_t> ends_;
};

/// Shares `free_levels` out among segments so that their costs add up to least.
std::vector<std::size_t> share_out(const std::vector<Segment>& segments, std::size_t free_levels) {
  std::vector<double> total(free_levels + 1, 0), next(free_levels + 1);
  std::vector<std::vector<std::size_t>> taken;
  for (const auto& segment : segments) {
    taken.emplace_back(free_levels + 1);
    for (std::size_t levels = 0; levels <= free_levels; ++levels) {
      next[levels] = infinity;
      const std::size_t most = std::min(levels, segment.costs().size() - 1);
      for (std::size_t own = 0; own <= most; ++own) {
        const double cost = total[levels - own] + segment.costs()[own];
        if (cost < next[levels]) {
          next[levels] = cost;
          taken.back()[levels] = own;
        }
      }
    }
    total.swap(next);
  }
  std::vector<std::size_t> shares(segments.size());
  std::size_t left = free_levels;
  for (std::size_t i = segments.size(); i-- > 0;) left -= shares[i] = taken[i][left];
  return shares;
}

}  // namespace

double cost(const Line& line, const Partition& partition) {
  double sum = 0;
  for (const auto& cell : partition) sum += cell.cost(line, cell.first, cell.last);
  return sum;
}

Partition best_partition(const Line& line, std::span<const std::size_t> borders,
                         std::size_t free_levels, std::span<const float> pinned) {
  std::vector<Segment> segments;
  std::size_t begin = 0;
  for (std::size_t pin = 0; pin <= pinned.size(); ++pin) {
    std::size_t end = borders.size() - 1;
    if (pin < pinned.size()) {
      // The last border that has only smaller points before it.
      const auto above =
          std::upper_bound(borders.begin() + static_cast<std::ptrdiff_t>(begin), borders.end(),
                           pinned[pin], [&](float level, std::size_t border) {
                             return border > 0 && line.points()[border - 1] >= level;
                           });
      end = std::max(begin, static_cast<std::size_t>(above - borders.begin()) - 1);
    }
    segments.emplace_back(line, borders.subspan(begin, end - begin + 1), free_levels,
                          pin > 0 ? &pinned[pin - 1] : nullptr,
                          pin < pinned.size() ? &pinned[pin] : nullptr);
    begin = end;
  }
  const auto shares = share_out(segments, free_levels);
  Partition partition;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto cuts = segments[i].cuts(shares[i]);
    if (i > 0) partition.back().last = cuts.front();
    for (std::size_t cell = 0; cell < shares[i]; ++cell) {
      partition.push_back({.first = cuts[cell], .last = cuts[cell + 1]});
    }
    if (i < pinned.size()) {
      partition.push_back(
          {.first = cuts.back(), .last = cuts.back(), .pinned = true, .level = pinned[i]});
    }
  }
  return partition;
}

}  // namespace laconic
