// Free levels and any assignment, with the least squared error plus lambda times the entropy of the
// indices, or the least squared error for a given entropy.

#include <cmath>
#include <numbers>

#include "laconic/error.h"
#include "quantize/members.h"
#include "quantize/rated_problem.h"

namespace laconic {
namespace {

class EntropyConstrained final : public Quantizer {
 public:
  explicit EntropyConstrained(const Options& options)
      : spec_(options.spec()),
        levels_(static_cast<std::size_t>(options.integer("levels"))),
        lambda_(options.number("lambda")),
        bits_(options.number("bits")) {
    if (lambda_ > 0 && bits_ > 0) {
      fail(ErrorCode::invalid_argument,
           "quantizer \"entropy_constrained\" takes lambda or bits, not both");
    }
  }

  std::string spec() const override { return spec_; }

 private:
  BlockCode solve(const CheckedBlock& block, const Prior& prior) const override {
    if (prior.pinned.size() > levels_) {
      fail(ErrorCode::invalid_argument,
           "{} pinned levels do not fit in entropy_constrained with {} levels", prior.pinned.size(),
           levels_);
    }
    const RatedProblem problem(block, prior.pinned, levels_);
    if (bits_ > 0) return of_entropy(problem);
    auto solution = problem.solve(lambda_);
    if (prior.start != nullptr) {
      auto other = problem.solve_from(prior.start->levels(), lambda_);
      if (other.cost < solution.cost) solution = std::move(other);
    }
    return problem.code(solution, lambda_);
  }

  /// The solution of the least lambda, found by bisection of its logarithm, that keeps the entropy.
  [[nodiscard]] BlockCode of_entropy(const RatedProblem& problem) const {
    constexpr int most_widenings = 64, halvings = 16;
    constexpr double widening = 16;
    const double limit = bits_ * problem.weights() * (1 + 1e-12);
    auto best = problem.solve(0);
    if (best.bits <= limit) return problem.code(best, 0);
    // Where error falls by a factor of four a bit, as it does for fine levels.
    double high =
        2 * std::numbers::ln2 * problem.spread() / problem.weights() * std::exp2(-2 * bits_);
    best = problem.solve(high);
    double low = high;
    if (best.bits <= limit) {
      for (int i = 0; i < most_widenings; ++i) {
        low /= widening;
        auto solution = problem.solve(low);
        if (solution.bits > limit) break;
        high = low;
        best = std::move(solution);
      }
    } else {
      for (int i = 0; i < most_widenings && best.bits > limit; ++i) {
        low = high;
        high *= widening;
        best = problem.solve(high);
      }
    }
    double lambda = high;
    for (int i = 0; i < halvings; ++i) {
      const double middle = std::sqrt(low) * std::sqrt(high);
      auto solution = problem.solve(middle);
      if (solution.bits > limit) {
        low = middle;
      } else {
        high = lambda = middle;
        best = std::move(solution);
      }
    }
    return problem.code(best, lambda);
  }

  std::string spec_;
  std::size_t levels_;
  double lambda_, bits_;
};

}  // namespace

std::unique_ptr<Quantizer> make_entropy_constrained(const Options& options) {
  return std::make_unique<EntropyConstrained>(options);
}

}  // namespace laconic
