#include "quantize/levels.h"

#include <algorithm>

#include "quantize/nearest.h"
#include "quantize/sort_weights.h"

namespace laconic {
namespace {

void make_codebook_order(std::vector<float>& levels) {
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
}

bool same_cells(const Partition& a, const Partition& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Cell& x, const Cell& y) {
    return x.first == y.first && x.last == y.last && x.pinned == y.pinned;
  });
}

}  // namespace

std::vector<float> levels_of(const Line& line, const Partition& partition) {
  std::vector<float> levels;
  for (const auto& cell : partition) {
    if (cell.pinned) {
      levels.push_back(static_cast<float>(cell.level));
    } else if (cell.first < cell.last) {
      levels.push_back(static_cast<float>(line.mean(cell.first, cell.last)));
    }
  }
  make_codebook_order(levels);
  return levels;
}

Partition nearest_partition(const Line& line, std::span<const float> levels,
                            std::span<const float> pinned) {
  const auto uppers = nearest_uppers(levels);
  Partition partition;
  std::size_t first = 0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    std::size_t last = line.size();
    if (i < uppers.size()) {
      const auto points = line.points().subspan(first);
      last = first + static_cast<std::size_t>(std::upper_bound(points.begin(), points.end(),
                                                               static_cast<double>(uppers[i])) -
                                              points.begin());
    }
    partition.push_back({.first = first,
                         .last = last,
                         .pinned = std::binary_search(pinned.begin(), pinned.end(), levels[i]),
                         .level = levels[i]});
    first = last;
  }
  return partition;
}

double squared_error(const Line& line, std::span<const float> levels) {
  double sum = 0;
  for (const auto& cell : nearest_partition(line, levels, {})) {
    sum += line.cost_at(cell.level, cell.first, cell.last);
  }
  return sum;
}

std::vector<float> settle(const Line& line, Partition partition, std::span<const float> pinned,
                          int sweeps) {
  auto levels = levels_of(line, partition);
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    auto nearest = nearest_partition(line, levels, pinned);
    if (same_cells(nearest, partition)) break;
    partition = std::move(nearest);
    levels = levels_of(line, partition);
  }
  return levels;
}

Line line_of(std::span<const float> weights, std::span<const float> importance) {
  auto sorted = sort_weights(weights, importance);
  return {std::vector<double>(sorted.weights.begin(), sorted.weights.end()),
          std::move(sorted.importance)};
}

BlockCode with_used_levels(std::vector<float> levels, std::vector<Index> indices,
                           std::span<const float> pinned) {
  std::vector<char> used(levels.size(), 0);
  for (const Index index : indices) used[index] = 1;
  std::vector<Index> renumbered(levels.size());
  std::vector<float> kept;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (used[i] == 0 && !std::binary_search(pinned.begin(), pinned.end(), levels[i])) continue;
    renumbered[i] = static_cast<Index>(kept.size());
    kept.push_back(levels[i]);
  }
  if (kept.size() < levels.size()) {
    for (Index& index : indices) index = renumbered[index];
  }
  return {Codebook(std::move(kept)), std::move(indices)};
}

BlockCode nearest_code(std::vector<float> levels, std::span<const float> weights,
                       std::span<const float> pinned) {
  make_codebook_order(levels);
  std::vector<Index> indices(weights.size());
  count_uppers(nearest_uppers(levels), weights, indices);
  return with_used_levels(std::move(levels), std::move(indices), pinned);
}

}  // namespace laconic
