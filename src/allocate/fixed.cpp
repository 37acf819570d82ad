// The same choice for every tensor. The family's baseline: "4 bits everywhere".

#include <algorithm>
#include <map>
#include <set>

#include "allocate/members.h"
#include "allocate/problem.h"
#include "laconic/error.h"

namespace laconic {
namespace {

/// One way for all tensors that offer it, in the order of the tensors.
struct Candidate {
  std::vector<std::size_t> picks;
  std::int64_t size = 0;  ///< In grid steps.
  double damage = 0;
};

/// The ways that every tensor offers, in the order of the first tensor.
std::vector<Candidate> common_choices(const AllocationProblem& problem) {
  std::map<std::string_view, Candidate> by_name;
  for (std::size_t t = 0; t < problem.choices.size(); ++t) {
    const auto& [tensor, choices] = problem.choices[t];
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const auto& choice = choices[i];
      if (!seen.insert(choice.what).second) {
        fail(ErrorCode::invalid_argument, "tensor \"{}\" has two choices called \"{}\"", tensor,
             choice.what);
      }
      auto& candidate = by_name[choice.what];
      candidate.picks.push_back(i);
      candidate.size += problem.grid_steps(choice);
      candidate.damage += choice.damage;
    }
  }
  std::vector<Candidate> common;
  for (const auto& choice : problem.choices.front().choices) {
    auto& candidate = by_name[choice.what];
    if (candidate.picks.size() == problem.choices.size()) common.push_back(std::move(candidate));
  }
  return common;
}

class Fixed final : public Allocator {
 public:
  explicit Fixed(const Options& options) : spec_(options.spec()) {}
  std::string spec() const override { return spec_; }

 private:
  Allocation solve(const AllocationProblem& problem) const override {
    const auto candidates = common_choices(problem);
    if (candidates.empty()) {
      fail(ErrorCode::invalid_argument,
           "allocator \"fixed\" needs a choice that all {} tensors offer, but there is none",
           problem.choices.size());
    }
    const Candidate* best = nullptr;
    for (const auto& candidate : candidates) {
      if (candidate.size > problem.limit) continue;
      if (!best || candidate.damage < best->damage ||
          (candidate.damage == best->damage && candidate.size < best->size)) {
        best = &candidate;
      }
    }
    if (!best) {
      const auto [smallest, largest] =
          std::minmax_element(candidates.begin(), candidates.end(),
                              [](const auto& a, const auto& b) { return a.size < b.size; });
      fail(ErrorCode::out_of_reach,
           "the budget is {} bits, but one choice for all {} tensors takes from {} to {} bits",
           problem.budget_bits, problem.choices.size(), problem.bits(smallest->size),
           problem.bits(largest->size));
    }
    Allocation allocation;
    allocation.picks = best->picks;
    return allocation;
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Allocator> make_fixed(const Options& options) {
  return std::make_unique<Fixed>(options);
}

}  // namespace laconic
