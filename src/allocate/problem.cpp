#include "allocate/problem.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "allocate/equal_slope.h"
#include "laconic/error.h"

namespace laconic {
namespace {

void check(const TensorChoices& tensor) {
  if (tensor.choices.empty()) {
    fail(ErrorCode::invalid_argument, "tensor \"{}\" has no choice of how to store it",
         tensor.tensor);
  }
  for (std::size_t i = 0; i < tensor.choices.size(); ++i) {
    const auto& choice = tensor.choices[i];
    const auto require = [&](std::string_view field, double value) {
      if (std::isfinite(value) && value >= 0) return;
      fail(ErrorCode::invalid_argument,
           "tensor \"{}\", choice {} \"{}\": {} is {}, but must be finite and at least 0",
           tensor.tensor, i, choice.what, field, value);
    };
    require("bits", choice.bits);
    require("damage", choice.damage);
  }
}

/// The finest grid on which whole sums of sizes are still exact as double; 1 bit if that will do.
double choose_grid(std::span<const TensorChoices> tensors) {
  double total = 0, total_damage = 0;
  bool whole = true;
  for (const auto& tensor : tensors) {
    double bits = 0, damage = 0;
    for (const auto& choice : tensor.choices) {
      bits = std::max(bits, choice.bits);
      damage = std::max(damage, choice.damage);
      whole = whole && choice.bits == std::floor(choice.bits);
    }
    total += bits;
    total_damage += damage;
  }
  if (!std::isfinite(total) || !std::isfinite(total_damage)) {
    fail(ErrorCode::invalid_argument,
         "the tensors' largest bits add up to {} and their largest damages to {}, but both sums "
         "must be finite",
         total, total_damage);
  }
  if (whole && total < 0x1p52) return 1;
  // Below 2^52 steps in all, which leaves room for every tensor to be rounded up by one; and no
  // double is finer than 2^-1074.
  return std::ldexp(1.0, std::max(std::ilogb(total) - 51, -1074));
}

/// Removes choices that another equals or beats, earlier ones preferred. Sizes are in grid steps.
std::vector<AllocationPoint> undominated(const AllocationProblem& problem,
                                         const TensorChoices& tensor) {
  std::vector<AllocationPoint> points(tensor.choices.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = {problem.grid_steps(tensor.choices[i]), tensor.choices[i].damage, i};
  }
  std::stable_sort(points.begin(), points.end(), [](const auto& a, const auto& b) {
    return a.units != b.units ? a.units < b.units : a.damage < b.damage;
  });
  std::size_t kept = 0;
  for (const auto& point : points) {
    if (kept == 0 || point.damage < points[kept - 1].damage) points[kept++] = point;
  }
  points.resize(kept);
  return points;
}

std::vector<HullVertex> lower_hull(std::span<const AllocationPoint> points) {
  std::vector<HullVertex> hull;
  for (std::size_t i = 0; i < points.size(); ++i) {
    while (!hull.empty()) {
      const auto& from = points[hull.back().point];
      hull.back().slope =
          (from.damage - points[i].damage) / static_cast<double>(points[i].units - from.units);
      if (hull.size() == 1 || hull[hull.size() - 2].slope > hull.back().slope) break;
      hull.pop_back();
    }
    hull.push_back({i, 0});
  }
  return hull;
}

}  // namespace

std::int64_t AllocationProblem::grid_steps(const TensorChoice& choice) const noexcept {
  return static_cast<std::int64_t>(std::ceil(choice.bits / grid));
}

AllocationProblem make_problem(std::span<const TensorChoices> choices) {
  if (choices.empty()) fail(ErrorCode::invalid_argument, "there is no tensor to give bits to");
  std::for_each(choices.begin(), choices.end(), check);

  AllocationProblem problem;
  problem.choices = choices;
  problem.grid = choose_grid(choices);
  std::int64_t divisor = 0;
  for (const auto& tensor : choices) {
    auto points = undominated(problem, tensor);
    std::int64_t largest = 0;
    for (const auto& choice : tensor.choices) {
      largest = std::max(largest, problem.grid_steps(choice));
    }
    const std::int64_t smallest = points.front().units;
    for (auto& point : points) divisor = std::gcd(divisor, point.units -= smallest);
    problem.least += smallest;
    problem.most += largest;
    problem.tensors.push_back({std::move(points), {}});
  }
  problem.unit = std::max<std::int64_t>(divisor, 1);
  for (auto& tensor : problem.tensors) {
    for (auto& point : tensor.points) point.units /= problem.unit;
    tensor.hull = lower_hull(tensor.points);
  }
  return problem;
}

void set_budget(AllocationProblem& problem, double budget_bits) {
  if (std::isnan(budget_bits)) {
    fail(ErrorCode::invalid_argument, "the budget is {}, but must be a number of bits",
         budget_bits);
  }
  if (budget_bits < problem.bits(problem.least)) {
    fail(ErrorCode::out_of_reach,
         "the budget is {} bits, but the choices for the {} tensors take from {} to {} bits",
         budget_bits, problem.choices.size(), problem.bits(problem.least),
         problem.bits(problem.most));
  }
  problem.budget_bits = budget_bits;
  problem.limit = budget_bits >= problem.bits(problem.most)
                      ? problem.most
                      : static_cast<std::int64_t>(std::floor(budget_bits / problem.grid));
  problem.budget = (problem.limit - problem.least) / problem.unit;
  problem.plan = hull_plan(problem);
}

std::vector<std::size_t> choices_at_vertices(const AllocationProblem& problem,
                                             std::span<const std::size_t> vertices) {
  std::vector<std::size_t> choices(vertices.size());
  for (std::size_t t = 0; t < choices.size(); ++t) {
    const auto& [points, hull] = problem.tensors[t];
    choices[t] = points[hull[vertices[t]].point].choice;
  }
  return choices;
}

std::vector<std::size_t> choices_at_points(const AllocationProblem& problem,
                                           std::span<const std::size_t> points) {
  std::vector<std::size_t> choices(points.size());
  for (std::size_t t = 0; t < choices.size(); ++t) {
    choices[t] = problem.tensors[t].points[points[t]].choice;
  }
  return choices;
}

void measure(const AllocationProblem& problem, Allocation& allocation) {
  std::int64_t size = 0;
  allocation.damage = 0;
  for (std::size_t t = 0; t < problem.choices.size(); ++t) {
    const auto& choice = problem.choices[t].choices[allocation.picks[t]];
    size += problem.grid_steps(choice);
    allocation.damage += choice.damage;
  }
  allocation.bits = problem.bits(size);
}

}  // namespace laconic
