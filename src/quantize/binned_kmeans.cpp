#include "quantize/binned_kmeans.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "quantize/bins.h"
#include "quantize/levels.h"
#include "quantize/nearest.h"
#include "quantize/partition.h"
#include "quantize/sort_weights.h"

namespace laconic {
namespace {

constexpr std::size_t fewest_weights = 32768;  ///< Below, sorting is as fast.
constexpr std::size_t bins_per_level = 16;     ///< With fewer of them, cuts would be too coarse.
constexpr int settling_sweeps = 100;

/// Which bins stand for themselves and which are resolved into their weights.
using Resolved = std::vector<char>;

/// Ascending points; rounding may have swapped the means of neighbouring bins.
class PointsBuilder {
 public:
  explicit PointsBuilder(std::size_t most) {
    points_.reserve(most);
    importance_.reserve(most);
  }
  void add(double point, double importance) {
    points_.push_back(points_.empty() ? point : std::max(point, points_.back()));
    importance_.push_back(importance);
  }
  Line finish() { return {std::move(points_), std::move(importance_)}; }

 private:
  std::vector<double> points_, importance_;
};

/// One point for each bin that has importance, and which bin that is.
struct CoarseLine {
  Line line;
  std::vector<std::size_t> bins;
};

CoarseLine line_of_bins(const Bins& bins) {
  PointsBuilder points(Bins::count);
  std::vector<std::size_t> bin_of_point;
  for (std::size_t bin = 0; bin < Bins::count; ++bin) {
    if (bins.importance(bin) == 0) continue;
    points.add(bins.mean(bin), bins.importance(bin));
    bin_of_point.push_back(bin);
  }
  return {points.finish(), std::move(bin_of_point)};
}

/// Resolves the bins from the point before each cut to the one behind it, and those whose sums have
/// too few digits.
Resolved bins_to_resolve(const Bins& bins, const Partition& partition,
                         std::span<const std::size_t> bin_of_point) {
  Resolved resolved(Bins::count, 0);
  for (const std::size_t bin : bin_of_point) resolved[bin] = !bins.reliable(bin);
  for (std::size_t i = 0; i + 1 < partition.size(); ++i) {
    const std::size_t cut = partition[i].last;
    const std::size_t first = cut > 1 ? bin_of_point[cut - 2] : 0;
    const std::size_t last =
        cut + 1 < bin_of_point.size() ? bin_of_point[cut + 1] : Bins::count - 1;
    std::fill(resolved.begin() + static_cast<std::ptrdiff_t>(first),
              resolved.begin() + static_cast<std::ptrdiff_t>(last) + 1, char{1});
  }
  return resolved;
}

/// Puts into the place of each bin number the number of uppers in lower bins, and lists the weights
/// of resolved bins, whose places are not yet filled.
std::vector<std::uint32_t> index_bins(std::vector<Index>& ids, const Resolved& resolved,
                                      const std::vector<std::size_t>& upper_bins) {
  constexpr Index mark = 0x8000;
  std::array<Index, Bins::count> table;
  std::size_t index = 0;
  for (std::size_t bin = 0; bin < Bins::count; ++bin) {
    while (index < upper_bins.size() && upper_bins[index] < bin) ++index;
    table[bin] = static_cast<Index>(index | (resolved[bin] != 0 ? mark : 0));
  }
  std::vector<std::uint32_t> listed;
  std::size_t i = 0;
  for (; i + 4 <= ids.size(); i += 4) {
    Index marks = 0;
    for (std::size_t k = i; k < i + 4; ++k) marks |= ids[k] = table[ids[k]];
    if (marks < mark) continue;
    for (std::size_t k = i; k < i + 4; ++k) {
      if (ids[k] >= mark) listed.push_back(static_cast<std::uint32_t>(k));
    }
  }
  for (; i < ids.size(); ++i) {
    ids[i] = table[ids[i]];
    if (ids[i] >= mark) listed.push_back(static_cast<std::uint32_t>(i));
  }
  return listed;
}

std::vector<std::size_t> bins_of(const Bins& bins, std::span<const float> values) {
  std::vector<std::size_t> places;
  for (const float value : values) places.push_back(bins.bin_of(value));
  return places;
}

/// The weights of resolved bins, sorted, with the other bins between them.
Line resolved_line(const Bins& bins, const CoarseLine& coarse, const Resolved& resolved,
                   const SortedWeights& weights) {
  PointsBuilder points(coarse.bins.size() + weights.weights.size());
  std::size_t next = 0;
  for (std::size_t p = 0; p < coarse.bins.size(); ++p) {
    if (resolved[coarse.bins[p]] == 0) {
      points.add(coarse.line.points()[p], coarse.line.importances()[p]);
      continue;
    }
    for (; next < weights.weights.size() && bins.bin_of(weights.weights[next]) <= coarse.bins[p];
         ++next) {
      points.add(weights.weights[next], weights.importance[next]);
    }
  }
  return points.finish();
}

}  // namespace

std::optional<BlockCode> binned_kmeans(const CheckedBlock& block, std::size_t free_levels,
                                       std::span<const float> pinned) {
  if (block.weights.size() < fewest_weights) return {};
  Bins bins(block);
  const auto coarse = line_of_bins(bins);
  if (coarse.bins.size() < bins_per_level * (free_levels + pinned.size())) return {};

  const auto partition = fit_partition(coarse.line, free_levels, pinned);
  const auto resolved = bins_to_resolve(bins, partition, coarse.bins);
  const auto coarse_levels = levels_of(coarse.line, partition);
  const auto coarse_uppers = bins_of(bins, nearest_uppers(coarse_levels));
  const auto listed = index_bins(bins.ids(), resolved, coarse_uppers);
  if (listed.size() > block.weights.size() / 4) return {};

  std::vector<float> weights, importance;
  for (const auto i : listed) {
    weights.push_back(block.weights[i]);
    importance.push_back(block.importance_of(i));
  }
  const Line line = resolved_line(bins, coarse, resolved, sort_weights(weights, importance));
  auto fine = nearest_partition(line, coarse_levels, pinned);
  refine(line, fine, std::vector<std::size_t>(fine.size() - 1, 1));
  auto levels = settle(line, std::move(fine), pinned, settling_sweeps);

  // Bins that are not resolved were given an index already. It holds if all that borders between
  // levels moved over is resolved.
  const auto uppers = nearest_uppers(levels);
  const auto places = bins_of(bins, uppers);
  const auto cells = nearest_partition(line, levels, pinned);
  const bool all_used = std::all_of(cells.begin(), cells.end(), [](const Cell& cell) {
    return cell.pinned || cell.first < cell.last;
  });
  if (levels.size() != coarse_levels.size() || !all_used) return {};
  for (std::size_t i = 0; i < uppers.size(); ++i) {
    const auto [low, high] = std::minmax(places[i], coarse_uppers[i]);
    for (std::size_t bin = low; bin <= high; ++bin) {
      if (resolved[bin] == 0) return {};
    }
  }
  std::vector<Index> indices(weights.size());
  count_uppers(uppers, weights, indices);
  auto& all = bins.ids();
  for (std::size_t i = 0; i < listed.size(); ++i) all[listed[i]] = indices[i];
  return BlockCode{Codebook(std::move(levels)), std::move(all)};
}

}  // namespace laconic
