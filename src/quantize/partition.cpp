#include "quantize/partition.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "quantize/best_split.h"

namespace laconic {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A range of borders [first, last).
struct Window {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// Where cuts are looked for: some cells to each side of where many levels would have them.
struct Search {
  std::span<const double> share;  ///< Empty: everywhere.
  double cell = 1;                ///< Share of a cell.
  double reach = infinity;        ///< To each side, in cells.
};

/// The dynamic program between two pinned levels (or ends of the line): for every number of free
/// cells, the cheapest path over the segment's borders.
class Segment {
 public:
  Segment(const Line& line, std::span<const std::size_t> borders, const Search& search,
          std::size_t free_levels, const float* left, const float* right)
      : borders_(borders), search_(search), first_cell_(left != nullptr ? 0.5 : 0) {
    for (const std::size_t border : borders) {
      h_.push_back(line.running_importance()[border]);
      s_.push_back(line.running_offset()[border]);
      q_.push_back(line.running_square()[border]);
    }
    const std::size_t count = borders.size();
    std::vector<double> path(count, infinity), rest(count, infinity), next;
    path.front() = rest.back() = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (left != nullptr) path[i] = line.cost_at(*left, borders.front(), borders[i]);
      if (right != nullptr) rest[i] = line.cost_at(*right, borders[i], borders.back());
    }
    windows_.push_back(left != nullptr ? window(0) : Window{0, 1});
    close(path, rest);
    // More free cells than gaps between borders are of no use.
    const std::size_t layers = std::min(free_levels, count - 1);
    less_square_.resize(count);
    for (std::size_t layer = 1; layer <= layers; ++layer) {
      const Window from = windows_.back(), to = window(layer);
      for (std::size_t i = from.first; i < from.last; ++i) less_square_[i] = path[i] - q_[i];
      cuts_.emplace_back(to.last - to.first);
      next.assign(count, infinity);
      windows_.push_back(to);
      advance(path, next, to.first, to.last, from.first, from.last);
      path.swap(next);
      close(path, rest);
      if (to.first + 1 == count && std::isfinite(search.reach))
        break;  // All cells are beyond the end.
    }
  }

  /// Cost with `cells` free cells, for each number up to the most that are of use.
  [[nodiscard]] std::span<const double> costs() const { return costs_; }

  /// The cuts of the best path with so many cells: cells + 1 of them, ascending. Lowers `inside` if
  /// one lies at an end of where it was looked for.
  [[nodiscard]] std::vector<std::size_t> cuts(std::size_t cells, bool& inside) const {
    std::vector<std::size_t> cuts(cells + 1);
    std::size_t at = ends_[cells];
    for (std::size_t cell = cells;; --cell) {
      const auto& [first, last] = windows_[cell];
      cuts[cell] = borders_[at];
      if (cell > 0 || first_cell_ > 0) {
        inside = inside && (at > first || first == 0) && (at + 1 < last || last == borders_.size());
      }
      if (cell == 0) return cuts;
      at = cuts_[cell - 1][at - first];
    }
  }

 private:
  /// Where the cut behind so many free cells is looked for.
  [[nodiscard]] Window window(std::size_t cells) const {
    if (search_.share.empty() || !std::isfinite(search_.reach)) return {0, borders_.size()};
    const auto share = search_.share;
    const double middle = share.front() + (first_cell_ + static_cast<double>(cells)) * search_.cell;
    const double reach = search_.reach * search_.cell;
    const auto first = std::lower_bound(share.begin(), share.end(), middle - reach);
    const auto last = std::upper_bound(share.begin(), share.end(), middle + reach);
    const auto low = std::min(static_cast<std::size_t>(first - share.begin()), share.size() - 1);
    return {low, std::max(static_cast<std::size_t>(last - share.begin()), low + 1)};
  }

  /// Ends every path with the pinned level on the right.
  void close(const std::vector<double>& path, const std::vector<double>& rest) {
    const auto [first, last] = windows_.back();
    std::size_t best = last - 1;
    for (std::size_t i = last - 1; i-- > first;) {
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
      auto best = best_split({h_.data(), s_.data(), less_square_.data()}, h_[middle], s_[middle],
                             low, std::min(high, middle));
      best.value += q_[middle];
      // The new cell may be empty.
      if (middle >= low && middle < high && !(best.value < path[middle]))
        best = {path[middle], middle};
      best.at = std::max(best.at, low);
      next[middle] = best.value;
      cuts_.back()[middle - windows_.back().first] = static_cast<std::uint32_t>(best.at);
      advance(path, next, first, middle, low, best.at + 1);
      first = middle + 1;
      low = best.at;
    }
  }

  std::span<const std::size_t> borders_;
  Search search_;
  double first_cell_;  ///< The share of a cell that the pinned level on the left takes.
  std::vector<double> h_, s_, q_, less_square_;
  std::vector<Window> windows_;                   ///< Per number of cells.
  std::vector<std::vector<std::uint32_t>> cuts_;  ///< Per layer and border of its window.
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
  if (!std::isfinite(total[free_levels])) return {};
  std::vector<std::size_t> shares(segments.size());
  std::size_t left = free_levels;
  for (std::size_t i = segments.size(); i-- > 0;) left -= shares[i] = taken[i][left];
  return shares;
}

std::vector<Segment> segments_between(const Line& line, const Borders& borders, double reach,
                                      std::size_t free_levels, std::span<const float> pinned) {
  std::vector<Segment> segments;
  const double cell = 1 / static_cast<double>(free_levels + pinned.size());
  std::size_t begin = 0;
  for (std::size_t pin = 0; pin <= pinned.size(); ++pin) {
    std::size_t end = borders.at.size() - 1;
    if (pin < pinned.size()) {
      // The last border that has only smaller points before it.
      const auto above =
          std::partition_point(borders.at.begin() + static_cast<std::ptrdiff_t>(begin),
                               borders.at.end(), [&](std::size_t border) {
                                 return border == 0 || line.points()[border - 1] < pinned[pin];
                               });
      end = std::max(begin, static_cast<std::size_t>(above - borders.at.begin()) - 1);
    }
    const auto share = borders.share.empty()
                           ? std::span<const double>{}
                           : std::span(borders.share).subspan(begin, end - begin + 1);
    segments.emplace_back(line, std::span(borders.at).subspan(begin, end - begin + 1),
                          Search{share, cell, reach}, free_levels,
                          pin > 0 ? &pinned[pin - 1] : nullptr,
                          pin < pinned.size() ? &pinned[pin] : nullptr);
    begin = end;
  }
  return segments;
}

/// Every point in a cell of its own: running sums may not tell the nearest ones apart.
Partition single_points(const Line& line, std::span<const float> pinned) {
  Partition partition;
  std::size_t pin = 0;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    for (; pin < pinned.size() && (i == line.size() || pinned[pin] < line.points()[i]); ++pin) {
      partition.push_back({.first = i, .last = i, .pinned = true, .level = pinned[pin]});
    }
    if (i < line.size()) partition.push_back({.first = i, .last = i + 1});
  }
  return partition;
}

}  // namespace

double cost(const Line& line, const Partition& partition) {
  double sum = 0;
  for (const auto& cell : partition) sum += cell.cost(line, cell.first, cell.last);
  return sum;
}

Partition best_partition(const Line& line, const Borders& borders, std::size_t free_levels,
                         std::span<const float> pinned) {
  if (free_levels >= line.size()) return single_points(line, pinned);
  constexpr double first_reach = 6, widening = 4;
  const auto levels = static_cast<double>(free_levels + pinned.size());
  double reach = borders.share.empty() ? infinity : first_reach;
  for (;; reach = reach > levels ? infinity : reach * widening) {
    const auto segments = segments_between(line, borders, reach, free_levels, pinned);
    const auto shares = share_out(segments, free_levels);
    if (shares.empty()) continue;
    Partition partition;
    bool inside = true;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const auto cuts = segments[i].cuts(shares[i], inside);
      if (i > 0) partition.back().last = cuts.front();
      for (std::size_t cell = 0; cell < shares[i]; ++cell) {
        partition.push_back({.first = cuts[cell], .last = cuts[cell + 1]});
      }
      if (i < pinned.size()) {
        partition.push_back(
            {.first = cuts.back(), .last = cuts.back(), .pinned = true, .level = pinned[i]});
      }
    }
    if (inside || !std::isfinite(reach)) return partition;
  }
}

}  // namespace laconic
