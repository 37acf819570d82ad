// Equal slope: all tensors stop on their convex hulls where a further bit would save less damage
// than one lambda, the same for all. Gives the bound that every member reports, the member `rate`,
// and the plan from which `knapsack` starts.

#pragma once

#include <vector>

#include "allocate/problem.h"

namespace laconic {

/// The hull plan within the problem's budget.
[[nodiscard]] HullPlan hull_plan(const AllocationProblem& problem);

/// Spends what the hull plan leaves of the budget: again and again the step, to any larger choice
/// of any tensor, that still fits and saves the most damage per unit. Returns each tensor's
/// position among its points.
[[nodiscard]] std::vector<std::size_t> filled_plan(const AllocationProblem& problem);

}  // namespace laconic
