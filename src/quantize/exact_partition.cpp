// The best partition of many points, found among few of its cuts.
//
// A good partition gives an upper bound U of the least cost. A lower bound, given that cut t lies
// within some span of borders, comes from the same dynamic program over spans instead of borders,
// with cells that reach from the end of one span to the start of the next: what lies within the
// spans costs nothing. Spans whose bound exceeds U cannot hold a cut of the best partition. Those
// that are left are divided and bounded again, until each is one border; the program over these is
// exact. Bounds inherit the quadrangle inequality, so that divide and conquer holds throughout.

#include <algorithm>

#include "quantize/best_split.h"
#include "quantize/partition.h"

namespace laconic {
namespace {

constexpr std::size_t direct = 2048;  ///< Up to so many points, the plain program is as fast.
constexpr std::size_t parts = 8;      ///< Into which a span is divided.

/// Borders first to last, both included.
struct Span {
  std::size_t first = 0;
  std::size_t last = 0;
};
using Spans = std::vector<Span>;  ///< Where one cut may lie, ascending.

/// Running sums of the line, or of its mirror image.
struct Sums {
  const Line& line;
  bool mirrored = false;

  [[nodiscard]] std::size_t place(std::size_t border) const {
    return mirrored ? line.size() - border : border;
  }
  [[nodiscard]] double importance(std::size_t border) const {
    const double h = line.running_importance()[place(border)];
    return mirrored ? -h : h;
  }
  [[nodiscard]] double offset(std::size_t border) const {
    return line.running_offset()[place(border)];
  }
  [[nodiscard]] double square(std::size_t border) const {
    const double q = line.running_square()[place(border)];
    return mirrored ? -q : q;
  }
};

/// For each span of one cut, the least cost of what lies before it.
class Layer {
 public:
  Layer(const Sums& sums, const Spans& from, const std::vector<double>& path, const Spans& to)
      : sums_(sums), from_(from), path_(path), to_(to), best(to.size()), cut(to.size()) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      h_.push_back(sums.importance(from[i].last));
      s_.push_back(sums.offset(from[i].last));
      less_square_.push_back(path[i] - sums.square(from[i].last));
    }
    advance(0, to.size(), 0, from.size());
  }

 private:
  const Sums& sums_;
  const Spans& from_;
  const std::vector<double>& path_;
  const Spans& to_;
  std::vector<double> h_, s_, less_square_;

 public:
  std::vector<double> best;
  std::vector<std::uint32_t> cut;  ///< The span of the cut before.

 private:
  void advance(std::size_t first, std::size_t last, std::size_t low, std::size_t high) {
    while (first < last) {
      const std::size_t middle = first + (last - first) / 2;
      const std::size_t start = to_[middle].first;
      // From here on, spans of the cut before reach up to this one: nothing lies between.
      const auto touching =
          std::partition_point(from_.begin() + static_cast<std::ptrdiff_t>(low),
                               from_.begin() + static_cast<std::ptrdiff_t>(high),
                               [&](const Span& span) { return span.last < start; });
      const auto apart = static_cast<std::size_t>(touching - from_.begin());
      auto split = best_split({h_.data(), s_.data(), less_square_.data()}, sums_.importance(start),
                              sums_.offset(start), low, apart);
      split.value += sums_.square(start);
      // Of those that touch, the first costs least, unless it lies beyond.
      if (apart < high && path_[apart] < split.value) split = {path_[apart], apart};
      best[middle] = split.value;
      cut[middle] = static_cast<std::uint32_t>(split.at);
      advance(first, middle, low, split.at + 1);
      first = middle + 1;
      low = split.at;
    }
  }
};

/// For each inner cut and span, a lower bound of what the points before it cost.
std::vector<std::vector<double>> bounds_before(const Sums& sums, const std::vector<Spans>& cuts) {
  std::vector<std::vector<double>> bounds;
  Spans from{{0, 0}};
  std::vector<double> path{0};
  for (const auto& to : cuts) {
    path = Layer(sums, from, path, to).best;
    bounds.push_back(path);
    from = to;
  }
  return bounds;
}

std::vector<Spans> mirror(const std::vector<Spans>& cuts, std::size_t size) {
  std::vector<Spans> mirrored;
  for (auto spans = cuts.rbegin(); spans != cuts.rend(); ++spans) {
    mirrored.emplace_back();
    for (auto span = spans->rbegin(); span != spans->rend(); ++span) {
      mirrored.back().push_back({size - span->last, size - span->first});
    }
  }
  return mirrored;
}

/// Leaves for each cut the spans between the first and the last that can hold it.
void discard(const Line& line, std::vector<Spans>& cuts, double limit) {
  const auto before = bounds_before({line}, cuts);
  const auto after = bounds_before({line, true}, mirror(cuts, line.size()));
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    auto& spans = cuts[i];
    const auto& behind = after[cuts.size() - 1 - i];
    std::size_t first = spans.size(), last = 0;
    for (std::size_t s = 0; s < spans.size(); ++s) {
      if (before[i][s] + behind[spans.size() - 1 - s] > limit) continue;
      first = std::min(first, s);
      last = s;
    }
    if (first > last) continue;  // Rounding alone: nothing can be told here.
    spans = Spans(spans.begin() + static_cast<std::ptrdiff_t>(first),
                  spans.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  }
}

/// Divides every span; true if they are single borders now.
bool divide(std::vector<Spans>& cuts) {
  bool single = true;
  for (auto& spans : cuts) {
    Spans smaller;
    for (const auto& span : spans) {
      const std::size_t step = (span.last - span.first + parts) / parts;
      single = single && step == 1;
      for (std::size_t first = span.first; first <= span.last; first += step) {
        smaller.push_back({first, std::min(span.last, first + step - 1)});
      }
    }
    spans = std::move(smaller);
  }
  return single;
}

/// The best partition with its cuts at the single borders that are left.
Partition shortest_path(const Line& line, std::vector<Spans> cuts) {
  cuts.push_back({{line.size(), line.size()}});
  const Sums sums{line};
  std::vector<std::vector<std::uint32_t>> back;
  Spans from{{0, 0}};
  std::vector<double> path{0};
  for (const auto& to : cuts) {
    Layer layer(sums, from, path, to);
    back.push_back(std::move(layer.cut));
    path = std::move(layer.best);
    from = to;
  }
  Partition partition(cuts.size());
  std::size_t at = 0;
  for (std::size_t cell = cuts.size(); cell-- > 0;) {
    partition[cell].last = cuts[cell][at].first;
    at = back[cell][at];
    partition[cell].first = cell > 0 ? cuts[cell - 1][at].first : 0;
  }
  return partition;
}

}  // namespace

Partition exact_partition(const Line& line, std::size_t free_levels,
                          std::span<const float> pinned) {
  if (line.size() <= direct || !pinned.empty() || free_levels < 2) {
    return best_partition(line, all_borders(line), free_levels, pinned);
  }
  const auto coarse = coarse_borders(line, free_levels, 16).at;
  const double good = cost(line, fit_partition(line, free_levels, {}));
  const double rounding = 1e-13 * line.cost_at(line.origin(), 0, line.size());
  const double limit = good * (1 + 1e-9) + rounding;
  Spans all{{0, 0}};
  for (std::size_t i = 0; i + 1 < coarse.size(); ++i) all.push_back({coarse[i] + 1, coarse[i + 1]});
  std::vector<Spans> cuts(free_levels - 1, all);
  do {
    discard(line, cuts, limit);
  } while (!divide(cuts));
  return shortest_path(line, std::move(cuts));
}

}  // namespace laconic
