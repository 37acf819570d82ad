// Free levels, each the weighted mean of the weights nearest to it.

#include <algorithm>

#include "laconic/error.h"
#include "quantize/block.h"
#include "quantize/levels.h"
#include "quantize/lloyd.h"
#include "quantize/members.h"

namespace laconic {
namespace {

constexpr int settling_sweeps = 100;

class Kmeans final : public Quantizer {
 public:
  explicit Kmeans(const Options& options)
      : spec_(options.spec()),
        levels_(static_cast<std::size_t>(options.integer("levels"))),
        solver_(options.text("solver")),
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
    const Line line = line_of(block.weights, block.importance);
    const bool has_start = prior.start != nullptr && prior.start->size() <= levels_;
    const auto start = [&] {
      const auto levels = prior.start->levels();
      return std::vector<float>(levels.begin(), levels.end());
    };
    std::vector<float> levels;
    if (solver_ == "lloyd") {
      auto first = has_start ? start() : initial_levels(line, levels_, lloyd_.init);
      levels = lloyd(line, std::move(first), prior.pinned, lloyd_);
    } else {
      auto partition = exact_partition(line, levels_ - prior.pinned.size(), prior.pinned);
      levels = settle(line, std::move(partition), prior.pinned, settling_sweeps);
    }
    return nearest_code(std::move(levels), block.weights, prior.pinned);
  }

  std::string spec_;
  std::size_t levels_;
  std::string solver_;
  LloydOptions lloyd_;
};

}  // namespace

std::unique_ptr<Quantizer> make_kmeans(const Options& options) {
  return std::make_unique<Kmeans>(options);
}

}  // namespace laconic
