// One lambda for all tensors, then the rest of the budget spent greedily.

#include "allocate/equal_slope.h"
#include "allocate/members.h"

namespace laconic {
namespace {

class Rate final : public Allocator {
 public:
  explicit Rate(const Options& options) : spec_(options.spec()) {}
  std::string spec() const override { return spec_; }

 private:
  Allocation solve(const AllocationProblem& problem) const override {
    Allocation allocation;
    allocation.picks = choices_at_points(problem, filled_plan(problem));
    return allocation;
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Allocator> make_rate(const Options& options) {
  return std::make_unique<Rate>(options);
}

}  // namespace laconic
