// DoReFa-Net's weights: even steps of tanh(w), scaled to the largest.

#include <algorithm>
#include <cmath>
#include <limits>

#include "laconic/error.h"
#include "quantize/block.h"
#include "quantize/levels.h"
#include "quantize/members.h"
#include "quantize/nearest.h"

namespace laconic {
namespace {

class Dorefa final : public Quantizer {
 public:
  explicit Dorefa(const Options& options)
      : spec_(options.spec()), count_(std::int64_t{1} << options.integer("bits")) {}

  std::string spec() const override { return spec_; }

 private:
  BlockCode solve(const CheckedBlock& block, const Prior& prior) const override {
    const auto steps = static_cast<double>(count_ - 1);
    std::vector<float> levels, uppers;
    const double largest = std::tanh(static_cast<double>(block.largest_weight));
    for (std::int64_t k = 0; k < count_; ++k) {
      levels.push_back(static_cast<float>(2 * static_cast<double>(k) / steps - 1));
      if (k + 1 == count_) break;
      // A border goes up, as a half is rounded.
      const double border = std::atanh((2 * (static_cast<double>(k) + 0.5) / steps - 1) * largest);
      uppers.push_back(below(border));
    }
    for (const float pin : prior.pinned) {
      if (std::binary_search(levels.begin(), levels.end(), pin)) continue;
      fail(ErrorCode::invalid_argument, "dorefa cannot pin {}, which is none of its {} levels", pin,
           count_);
    }
    std::vector<Index> indices(block.weights.size());
    count_uppers(uppers, block.weights, indices);
    // Where all weights are zero all borders are too: the level above zero, as for half of a step.
    if (largest == 0) std::ranges::fill(indices, static_cast<Index>(count_ / 2));
    return with_used_levels(std::move(levels), std::move(indices), prior.pinned);
  }

  /// The largest float below a border.
  static float below(double border) {
    const auto nearest = static_cast<float>(border);
    return static_cast<double>(nearest) < border
               ? nearest
               : std::nextafter(nearest, -std::numeric_limits<float>::infinity());
  }

  std::string spec_;
  std::int64_t count_;
};

}  // namespace

std::unique_ptr<Quantizer> make_dorefa(const Options& options) {
  return std::make_unique<Dorefa>(options);
}

}  // namespace laconic
