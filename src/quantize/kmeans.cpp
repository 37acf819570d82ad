// Free levels, each the weighted mean of the weights nearest to it.

#include <utility>

#include "laconic/error.h"
#include "quantize/binned_kmeans.h"
#include "quantize/block.h"
#include "quantize/levels.h"
#include "quantize/lloyd.h"
#include "quantize/members.h"
#include "quantize/nearest.h"

namespace laconic {
namespace {

constexpr int settling_sweeps = 100;

enum class Solver { binned, exact, lloyd };

Solver parse_solver(std::string_view text) {
  return text == "binned" ? Solver::binned : text == "exact" ? Solver::exact : Solver::lloyd;
}

double error_of(const CheckedBlock& block, const Codebook& codebook) {
  const auto indices = nearest_indices(codebook, block.weights);
  double sum = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const double error = static_cast<double>(block.weights[i]) - codebook.levels()[indices[i]];
    sum += static_cast<double>(block.importance_of(i)) * error * error;
  }
  return sum;
}

class Kmeans final : public Quantizer {
 public:
  explicit Kmeans(const Options& options)
      : spec_(options.spec()),
        levels_(static_cast<std::size_t>(options.integer("levels"))),
        solver_(parse_solver(options.text("solver"))),
        lloyd_{.init = options.text("init") == "linear" ? LloydInit::linear : LloydInit::powers,
               .empty = options.text("empty") == "keep" ? EmptyLevel::keep : EmptyLevel::reseed,
               .sweeps = static_cast<int>(options.integer("sweeps"))} {}

  std::string spec() const override { return spec_; }

 private:
  BlockCode solve(const CheckedBlock& block, const Prior& prior) const override {
    if (prior.pinned.size() > levels_) {
      fail(ErrorCode::invalid_argument, "{} pinned levels do not fit in kmeans with {} levels",
           prior.pinned.size(), levels_);
    }
    const std::size_t free_levels = levels_ - prior.pinned.size();
    const auto* start =
        prior.start != nullptr && prior.start->size() <= levels_ ? prior.start : nullptr;
    if (solver_ == Solver::binned) {
      auto code = binned_kmeans(block, free_levels, prior.pinned);
      if (code &&
          (start == nullptr || error_of(block, code->codebook) <= error_of(block, *start))) {
        return *std::move(code);
      }
    }
    const Line line = line_of(block.weights, block.importance);
    const auto lloyd_from = [&](std::span<const float> levels) {
      return lloyd(line, {levels.begin(), levels.end()}, prior.pinned, lloyd_);
    };
    const auto settled = [&](Partition partition) {
      return settle(line, std::move(partition), prior.pinned, settling_sweeps);
    };
    std::vector<float> levels;
    switch (solver_) {
      case Solver::exact:
        levels = settled(exact_partition(line, free_levels, prior.pinned));
        break;
      case Solver::binned: {
        levels = settled(fit_partition(line, free_levels, prior.pinned));
        if (start == nullptr) break;
        auto other = lloyd_from(start->levels());
        if (squared_error(line, other) < squared_error(line, levels)) levels = std::move(other);
        break;
      }
      case Solver::lloyd:
        levels = lloyd_from(start != nullptr ? start->levels()
                                             : initial_levels(line, levels_, lloyd_.init));
        break;
    }
    return nearest_code(std::move(levels), block.weights, prior.pinned);
  }

  std::string spec_;
  std::size_t levels_;
  Solver solver_;
  LloydOptions lloyd_;
};

}  // namespace

std::unique_ptr<Quantizer> make_kmeans(const Options& options) {
  return std::make_unique<Kmeans>(options);
}

}  // namespace laconic
