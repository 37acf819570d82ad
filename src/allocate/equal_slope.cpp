#include "allocate/equal_slope.h"

#include <algorithm>
#include <optional>
#include <queue>

namespace laconic {
namespace {

/// A move of one tensor to a larger choice.
struct Step {
  double slope;
  std::size_t tensor;
  std::size_t to;  ///< A point, or a hull vertex.
};

/// Whether `a` is taken before `b`.
bool before(const Step& a, const Step& b) {
  if (a.slope != b.slope) return a.slope > b.slope;
  return a.tensor != b.tensor ? a.tensor < b.tensor : a.to < b.to;
}

std::optional<Step> best_step(const AllocationProblem& problem, std::size_t tensor,
                              std::size_t from, std::int64_t room) {
  const auto& points = problem.tensors[tensor].points;
  std::optional<Step> best;
  for (std::size_t to = from + 1; to < points.size(); ++to) {
    const std::int64_t units = points[to].units - points[from].units;
    if (units > room) break;
    const Step step{(points[from].damage - points[to].damage) / static_cast<double>(units), tensor,
                    to};
    if (!best || before(step, *best)) best = step;
  }
  return best;
}

}  // namespace

HullPlan hull_plan(const AllocationProblem& problem) {
  std::vector<Step> steps;
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    const auto& hull = problem.tensors[t].hull;
    for (std::size_t v = 1; v < hull.size(); ++v) steps.push_back({hull[v - 1].slope, t, v});
  }
  std::sort(steps.begin(), steps.end(), before);

  HullPlan plan;
  plan.vertices.resize(problem.tensors.size());
  for (const auto& step : steps) {
    const auto& [points, hull] = problem.tensors[step.tensor];
    const std::int64_t units =
        points[hull[step.to].point].units - points[hull[step.to - 1].point].units;
    if (units > problem.budget - plan.units) {
      plan.slope = step.slope;
      break;
    }
    plan.vertices[step.tensor] = step.to;
    plan.units += units;
  }
  for (std::size_t t = 0; t < plan.vertices.size(); ++t) {
    const auto& [points, hull] = problem.tensors[t];
    plan.damage += points[hull[plan.vertices[t]].point].damage;
  }
  return plan;
}

std::vector<std::size_t> filled_plan(const AllocationProblem& problem) {
  std::vector<std::size_t> points(problem.tensors.size());
  for (std::size_t t = 0; t < points.size(); ++t) {
    points[t] = problem.tensors[t].hull[problem.plan.vertices[t]].point;
  }
  std::int64_t room = problem.budget - problem.plan.units;

  const auto after = [](const Step& a, const Step& b) { return before(b, a); };
  std::priority_queue<Step, std::vector<Step>, decltype(after)> queue(after);
  const auto offer = [&](std::size_t tensor) {
    if (const auto step = best_step(problem, tensor, points[tensor], room)) queue.push(*step);
  };
  for (std::size_t t = 0; t < points.size(); ++t) offer(t);

  // The room only shrinks, so a tensor's best step only gets worse: one that no longer fits is
  // replaced by the best that does, and queued again.
  while (!queue.empty()) {
    const Step step = queue.top();
    queue.pop();
    const auto& of_tensor = problem.tensors[step.tensor].points;
    const std::int64_t units = of_tensor[step.to].units - of_tensor[points[step.tensor]].units;
    if (units <= room) {
      points[step.tensor] = step.to;
      room -= units;
    }
    offer(step.tensor);
  }
  return points;
}

}  // namespace laconic
