// The multiple-choice knapsack problem, by dynamic programming over undominated partial plans.
//
// Every state is a whole plan: tensors not yet looked at stand where the hull plan has them.
// Tensors are opened one by one, those first whose hull has an edge with a slope close to the
// plan's own, since only these are worth moving. A state is dropped when another has no more units
// and no more damage, or when not even moving the unopened tensors along their best edges could
// make it better than the best plan seen. On ordinary inputs no state is left after a fraction of
// the tensors.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <tuple>

#include "allocate/equal_slope.h"
#include "allocate/members.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct State {
  std::int64_t units;
  double damage;         ///< Above the hull plan's, which may dwarf the differences.
  std::uint32_t parent;  ///< The state before the last opened tensor, by its position there.
  std::uint32_t point;   ///< Of the last opened tensor.
};

class Search {
 public:
  Search(const AllocationProblem& problem, std::int64_t states)
      : problem_(problem), states_left_(states), incumbent_(filled_plan(problem)) {
    best_ = {0, 0, 0, 0};
    for (std::size_t t = 0; t < incumbent_.size(); ++t) {
      const auto& point = problem.tensors[t].points[incumbent_[t]];
      best_.units += point.units;
      best_.damage += point.damage - on_hull(t).damage;
    }
    order_tensors();
  }

  void run() {
    std::vector<State> states = {{problem_.plan.units, 0, 0, 0}};
    for (std::size_t stage = 0; stage < order_.size() && !states.empty(); ++stage) {
      throw_if_interrupted();
      states = open(stage, states);
      if (stage + 1 < order_.size()) thin(states, unopened_[stage + 1], width(stage + 1));
      auto& nodes = nodes_.emplace_back();
      nodes.reserve(states.size());
      for (const auto& state : states) nodes.push_back({state.parent, state.point});
    }
  }

  /// The best plan seen, as positions among the tensors' points.
  [[nodiscard]] std::vector<std::size_t> points() const {
    if (best_stage_ == 0) return incumbent_;
    std::vector<std::size_t> points(problem_.tensors.size());
    for (std::size_t t = 0; t < points.size(); ++t) points[t] = hull_point(t);
    Node node{best_.parent, best_.point};
    for (std::size_t stage = best_stage_; stage-- > 0;) {
      points[order_[stage]] = node.point;
      if (stage > 0) node = nodes_[stage - 1][node.parent];
    }
    return points;
  }

  /// No plan that was given up does less damage, above the hull plan's; infinity if none could win.
  [[nodiscard]] double given_up() const noexcept {
    return given_up_ < best_.damage ? given_up_ : infinity;
  }

 private:
  struct Node {
    std::uint32_t parent;
    std::uint32_t point;
  };

  /// Slopes of the hull edges after and before a tensor's place in the hull plan.
  struct Edges {
    double up = 0;           ///< Damage saved by a further unit, at best.
    double down = infinity;  ///< Damage done by a unit less, at least.
  };

  std::size_t hull_point(std::size_t tensor) const {
    return problem_.tensors[tensor].hull[problem_.plan.vertices[tensor]].point;
  }
  const AllocationPoint& on_hull(std::size_t tensor) const {
    return problem_.tensors[tensor].points[hull_point(tensor)];
  }

  Edges edges(std::size_t tensor) const {
    const auto& hull = problem_.tensors[tensor].hull;
    const std::size_t at = problem_.plan.vertices[tensor];
    return {hull[at].slope, at > 0 ? hull[at - 1].slope : infinity};
  }

  void order_tensors() {
    std::vector<double> distance(problem_.tensors.size());
    for (std::size_t t = 0; t < distance.size(); ++t) {
      const auto [up, down] = edges(t);
      distance[t] = std::min(problem_.plan.slope - up, down - problem_.plan.slope);
      if (problem_.tensors[t].points.size() > 1) order_.push_back(t);
    }
    std::stable_sort(order_.begin(), order_.end(),
                     [&](auto a, auto b) { return distance[a] < distance[b]; });
    unopened_.resize(order_.size() + 1);
    for (std::size_t i = order_.size(); i-- > 0;) {
      const auto [up, down] = edges(order_[i]);
      unopened_[i] = {std::max(up, unopened_[i + 1].up), std::min(down, unopened_[i + 1].down)};
    }
  }

  /// No plan that `state` can still become does less damage within the budget.
  double bound(const State& state, const Edges& rest) const {
    const auto room = static_cast<double>(problem_.budget - state.units);
    return state.damage - room * (room >= 0 ? rest.up : rest.down);
  }

  /// How many states may enter and leave the opening of a tensor, which looks at twice as many for
  /// each of its points.
  std::size_t width(std::size_t stage) const {
    // An equal share for all tensors left, but no less than a fixed part: the search mostly ends
    // long before the last tensor.
    const auto tensors_left = static_cast<std::int64_t>(order_.size() - stage);
    const auto share = states_left_ / std::min<std::int64_t>(tensors_left, 64);
    const auto points = static_cast<std::int64_t>(problem_.tensors[order_[stage]].points.size());
    return static_cast<std::size_t>(std::max<std::int64_t>(share / (2 * points), 1));
  }

  /// All states with the next tensor at each of its points: ascending units, falling damage.
  std::vector<State> open(std::size_t stage, const std::vector<State>& states) {
    const std::size_t tensor = order_[stage];
    const auto& points = problem_.tensors[tensor].points;
    const auto& from = on_hull(tensor);
    const Edges& rest = unopened_[stage + 1];

    const std::size_t most = width(stage);
    std::vector<State> opened, moved(states.size()), merged;
    for (std::size_t p = 0; p < points.size(); ++p) {
      for (std::size_t i = 0; i < states.size(); ++i) {
        moved[i] = {states[i].units + (points[p].units - from.units),
                    states[i].damage + (points[p].damage - from.damage),
                    static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(p)};
      }
      merged.resize(opened.size() + moved.size());
      std::merge(opened.begin(), opened.end(), moved.begin(), moved.end(), merged.begin(),
                 [](const State& a, const State& b) {
                   return a.units != b.units ? a.units < b.units : a.damage < b.damage;
                 });
      states_left_ =
          std::max<std::int64_t>(states_left_ - static_cast<std::int64_t>(merged.size()), 0);
      prune(merged, stage, rest);
      thin(merged, rest, most);
      opened.swap(merged);
    }
    return opened;
  }

  /// Notes the best plan, and removes what is dominated or cannot become better.
  void prune(std::vector<State>& states, std::size_t stage, const Edges& rest) {
    std::size_t kept = 0;
    double least_damage = infinity;
    for (const State& state : states) {
      if (state.damage >= least_damage) continue;
      least_damage = state.damage;
      if (state.units <= problem_.budget &&
          (state.damage < best_.damage ||
           (state.damage == best_.damage && state.units < best_.units))) {
        best_ = state;
        best_stage_ = stage + 1;
      }
      // A plan of the best's damage in fewer units would have a bound below it, since there each
      // further unit still saves damage: such ties are not lost here.
      if (bound(state, rest) < best_.damage) states[kept++] = state;
    }
    states.resize(kept);
  }

  /// Gives up all but the `width` states of the lowest bounds; of equals those closest to the
  /// budget, since little must still be moved to fill it.
  void thin(std::vector<State>& states, const Edges& rest, std::size_t width) {
    if (states.size() <= width) return;
    using Rank = std::tuple<double, std::int64_t, std::size_t>;
    std::vector<Rank> ranks(states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
      ranks[i] = {bound(states[i], rest), std::abs(problem_.budget - states[i].units), i};
    }
    auto sorted = ranks;
    const auto first_out = sorted.begin() + static_cast<std::ptrdiff_t>(width);
    std::nth_element(sorted.begin(), first_out, sorted.end());
    given_up_ = std::min(given_up_, std::get<double>(*first_out));
    std::size_t kept = 0;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (ranks[i] < *first_out) states[kept++] = states[i];
    }
    states.resize(kept);
  }

  const AllocationProblem& problem_;
  std::int64_t states_left_;
  std::vector<std::size_t> incumbent_;    ///< The best plan before the search, as points.
  std::vector<std::size_t> order_;        ///< Tensors with a choice, in the order of opening.
  std::vector<Edges> unopened_;           ///< The best edges of order_[i] and all after it.
  std::vector<std::vector<Node>> nodes_;  ///< For each opened tensor, the states that were kept.
  State best_;
  std::size_t best_stage_ = 0;  ///< Tensors opened for best_; 0: it is the incumbent.
  double given_up_ = infinity;
};

class Knapsack final : public Allocator {
 public:
  explicit Knapsack(const Options& options)
      : spec_(options.spec()), states_(options.integer("states")) {}
  std::string spec() const override { return spec_; }

 private:
  Allocation solve(const AllocationProblem& problem) const override {
    Search search(problem, states_);
    search.run();
    Allocation allocation;
    allocation.picks = choices_at_points(problem, search.points());
    allocation.bound = problem.plan.damage + search.given_up();
    return allocation;
  }

  std::string spec_;
  std::int64_t states_;
};

}  // namespace

std::unique_ptr<Allocator> make_knapsack(const Options& options) {
  return std::make_unique<Knapsack>(options);
}

}  // namespace laconic
