#include "quantize/rated_problem.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quantize/interval_start.h"
#include "quantize/levels.h"

namespace laconic {
namespace {

constexpr int most_rounds = 300;
constexpr double least_gain = 1e-7;  ///< Of a round, relative, for another to follow.
constexpr int settling_sweeps = 100;

}  // namespace

RatedProblem::RatedProblem(const CheckedBlock& block, std::span<const float> pinned,
                           std::size_t most_levels)
    : block_(block),
      pinned_(pinned),
      most_levels_(most_levels),
      keys_(sorted_keys(block.weights, block.importance)),
      merged_(merge_equal(keys_)),
      line_({merged_.weights.begin(), merged_.weights.end()}, merged_.importance),
      grid_(keys_, block.weights.size() - keys_.size()) {}

RatedSolution RatedProblem::start_of(const Partition& partition) const {
  std::vector<double> below(line_.size() + 1, 0);
  std::partial_sum(merged_.counts.begin(), merged_.counts.end(), below.begin() + 1);
  RatedSolution start;
  for (const auto& cell : partition) {
    if (!cell.pinned && cell.first == cell.last) continue;
    start.levels.push_back(cell.pinned ? cell.level : line_.mean(cell.first, cell.last));
    start.counts.push_back(below[cell.last] - below[cell.first]);
    start.pinned.push_back(cell.pinned);
  }
  return start;
}

RatedSolution RatedProblem::round_from(const RatedSolution& before, double lambda) const {
  // Weights of different importance overlap, so that means may have changed places.
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < before.levels.size(); ++i) {
    if (before.counts[i] > 0 || before.pinned[i] != 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return before.levels[a] < before.levels[b];
  });
  RatedSolution after;
  for (const std::size_t i : order) {
    after.assigned_by.levels.push_back(before.levels[i]);
    // A pinned level that nothing took costs as if one weight had.
    after.assigned_by.rates.push_back(lambda *
                                      std::log2(weights() / std::max(before.counts[i], 1.0)));
    after.pinned.push_back(before.pinned[i]);
  }
  after.levels = after.assigned_by.levels;
  after.cost = 0;
  const auto sums = grid_.assign(after.assigned_by);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto& sum = sums[i];
    if (after.pinned[i] == 0 && sum.importance > 0)
      after.levels[i] = grid_.origin() + sum.moment / sum.importance;
    const double offset = after.levels[i] - grid_.origin();
    after.cost +=
        std::max(0.0, sum.square - 2 * offset * sum.moment + offset * offset * sum.importance);
    if (sum.count > 0) after.bits += sum.count * std::log2(weights() / sum.count);
    after.counts.push_back(sum.count);
  }
  after.cost += lambda * after.bits;
  return after;
}

RatedSolution RatedProblem::alternate(RatedSolution start, double lambda) const {
  RatedSolution best = round_from(start, lambda);
  for (int round = 1; round < most_rounds; ++round) {
    auto next = round_from(best, lambda);
    if (!(next.cost < best.cost)) break;
    const bool settled = next.cost > best.cost * (1 - least_gain);
    best = std::move(next);
    if (settled) break;
  }
  return best;
}

RatedSolution RatedProblem::solve(double lambda) const {
  return alternate(
      start_of(lambda > 0 ? interval_partition(line_, merged_.counts, lambda, most_levels_, pinned_)
                          : fit_partition(line_, most_levels_ - pinned_.size(), pinned_)),
      lambda);
}

RatedSolution RatedProblem::solve_from(std::span<const float> levels, double lambda) const {
  std::vector<float> start(levels.begin(), levels.end());
  start.insert(start.end(), pinned_.begin(), pinned_.end());
  std::sort(start.begin(), start.end());
  start.erase(std::unique(start.begin(), start.end()), start.end());
  if (start.size() > most_levels_) return {};
  return alternate(start_of(nearest_partition(line_, start, pinned_)), lambda);
}

BlockCode RatedProblem::code(const RatedSolution& solution, double lambda) const {
  std::vector<float> levels(solution.levels.begin(), solution.levels.end());
  if (lambda == 0) {
    std::sort(levels.begin(), levels.end());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
    auto settled =
        settle(line_, nearest_partition(line_, levels, pinned_), pinned_, settling_sweeps);
    return nearest_code(std::move(settled), block_.weights, pinned_);
  }
  auto indices = grid_.indices(solution.assigned_by, block_);
  auto sorted = levels;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<Index> place;
  for (const float level : levels) {
    place.push_back(
        static_cast<Index>(std::lower_bound(sorted.begin(), sorted.end(), level) - sorted.begin()));
  }
  for (Index& index : indices) index = place[index];
  return with_used_levels(std::move(sorted), std::move(indices), pinned_);
}

}  // namespace laconic
