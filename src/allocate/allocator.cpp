// What all allocators share: the checks, the sums, and the bound of the convex hulls.

#include "laconic/allocator.h"

#include <algorithm>

#include "allocate/problem.h"
#include "laconic/error.h"

namespace laconic {

Allocation Allocator::allocate(std::span<const TensorChoices> tensors, double budget_bits) const {
  auto problem = make_problem(tensors);
  set_budget(problem, budget_bits);
  Allocation allocation = solve(problem);
  measure(problem, allocation);
  const auto& plan = problem.plan;
  const double hull_bound =
      plan.damage - static_cast<double>(problem.budget - plan.units) * plan.slope;
  allocation.bound = std::min(std::max(allocation.bound, hull_bound), allocation.damage);
  allocation.lambda = plan.slope / problem.bits_per_unit();
  return allocation;
}

Allocation allocate_at_lambda(std::span<const TensorChoices> tensors, double lambda) {
  if (!(lambda >= 0)) {
    fail(ErrorCode::invalid_argument, "lambda is {}, but must be at least 0", lambda);
  }
  const auto problem = make_problem(tensors);
  std::vector<std::size_t> vertices(tensors.size());
  for (std::size_t t = 0; t < vertices.size(); ++t) {
    const auto& hull = problem.tensors[t].hull;
    // Divided as in allocate(), so that the lambda reported there meets the same slopes here.
    while (vertices[t] + 1 < hull.size() &&
           hull[vertices[t]].slope / problem.bits_per_unit() > lambda) {
      ++vertices[t];
    }
  }
  Allocation allocation;
  allocation.picks = choices_at_vertices(problem, vertices);
  measure(problem, allocation);
  allocation.bound = allocation.damage;
  allocation.lambda = lambda;
  return allocation;
}

}  // namespace laconic
