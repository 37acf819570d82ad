// What allocators solve: every tensor's choices, checked, sorted and freed of those that another
// beats, with sizes as whole numbers.
//
// Sums of whole numbers are exact in any order, so that "fits the budget" has one answer. A size in
// bits is first rounded up to the `grid` (1 bit where all sizes are whole). The sizes that remain
// are then counted in `unit`s above each tensor's smallest; a unit is the greatest common divisor
// of all differences, since no plan can use a part of one.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/allocator.h"

namespace laconic {

/// A choice that no other of its tensor beats in both size and damage.
struct AllocationPoint {
  std::int64_t units;  ///< Above the tensor's smallest choice.
  double damage;
  std::size_t choice;  ///< Position among the tensor's choices.
};

/// A vertex of a tensor's lower convex hull.
struct HullVertex {
  std::size_t point;  ///< Position among the tensor's points.
  double slope;       ///< Damage saved per unit from here to the next vertex; 0 at the last.
};

struct TensorPoints {
  std::vector<AllocationPoint> points;  ///< Ascending units, strictly falling damage.
  std::vector<HullVertex> hull;         ///< Strictly falling slopes; first and last point included.
};

/// The largest allocation on the hulls, edge by edge in the order of falling slopes, that fits the
/// budget.
struct HullPlan {
  std::vector<std::size_t> vertices;  ///< For each tensor, its position on its hull.
  std::int64_t units = 0;             ///< In all; never above the budget.
  double damage = 0;                  ///< In all, added in the order of the tensors.
  double slope = 0;  ///< Of the first edge that does not fit, in damage per unit; 0: all fit.
};

struct AllocationProblem {
  std::span<const TensorChoices> choices;  ///< As the caller gave them.
  std::vector<TensorPoints> tensors;
  double grid = 1;         ///< Bits.
  std::int64_t unit = 1;   ///< In grid steps.
  std::int64_t least = 0;  ///< Size of the smallest allocation, in grid steps.
  std::int64_t most = 0;   ///< Size of the largest allocation, in grid steps.

  double budget_bits = 0;   ///< As the caller gave it.
  std::int64_t limit = 0;   ///< Budget in grid steps, from `least` to `most`.
  std::int64_t budget = 0;  ///< Units that the budget allows above the smallest allocation.
  HullPlan plan;            ///< Within that budget.

  [[nodiscard]] double bits(std::int64_t grid_steps) const noexcept {
    return static_cast<double>(grid_steps) * grid;
  }
  [[nodiscard]] double bits_per_unit() const noexcept { return bits(unit); }
  [[nodiscard]] std::int64_t grid_steps(const TensorChoice& choice) const noexcept;
};

/// Checks the choices and brings them into this form, with no budget yet. Throws
/// Error(invalid_argument). `choices` must outlive the result.
[[nodiscard]] AllocationProblem make_problem(std::span<const TensorChoices> choices);

/// Sets the budget, and the hull plan within it. Throws Error(invalid_argument) for NaN and
/// Error(out_of_reach) for one that the smallest choices do not fit.
void set_budget(AllocationProblem& problem, double budget_bits);

/// For each tensor the position among its choices, from that on its hull or among its points.
[[nodiscard]] std::vector<std::size_t> choices_at_vertices(const AllocationProblem& problem,
                                                           std::span<const std::size_t> vertices);
[[nodiscard]] std::vector<std::size_t> choices_at_points(const AllocationProblem& problem,
                                                         std::span<const std::size_t> points);

/// Fills in bits and damage of `picks`.
void measure(const AllocationProblem& problem, Allocation& allocation);

}  // namespace laconic
