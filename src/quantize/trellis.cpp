// Multiples of a step on the cheapest paths of the trellis (core/trellis.h).

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "laconic/error.h"
#include "quantize/block.h"
#include "quantize/levels.h"
#include "quantize/members.h"
#include "quantize/trellis_search.h"
#include "quantize/uniform_grid.h"

namespace laconic {
namespace {

/// Values beyond the outermost weights' that a path may take.
constexpr std::int64_t slack = 2;
/// Values on a side, of a step that is chosen: blocks of few weights would take any number.
constexpr double most_chosen = 1000;

class TrellisQuantizer final : public Quantizer {
 public:
  explicit TrellisQuantizer(const Options& options)
      : spec_(options.spec()),
        step_(static_cast<float>(options.number("step"))),
        bits_(options.number("bits")),
        lambda_(options.number("lambda")) {
    if (!std::isfinite(step_) || (options.number("step") > 0 && step_ == 0))
      fail(ErrorCode::invalid_argument, "quantizer \"trellis\": a step of {} is no float",
           options.number("step"));
  }

  std::string spec() const override { return spec_; }

 private:
  bool follows_paths() const noexcept override { return true; }

  BlockCode solve(const CheckedBlock& block, const Prior& prior) const override {
    for (const float pin : prior.pinned) {
      if (pin != 0)
        fail(ErrorCode::invalid_argument, "trellis cannot pin {}, only 0, which is always a level",
             pin);
    }
    constexpr std::int64_t most = max_multiple / 2 - slack;
    const float step = step_ > 0 ? step_ : chosen_step(block, prior.zeros);
    const double extent = static_cast<double>(block.largest_weight) / static_cast<double>(step);
    if (extent > static_cast<double>(most)) {
      fail(ErrorCode::invalid_argument,
           "a step of {} is too fine for a weight of {}: it must be at most {} steps from zero",
           step, block.largest_weight, most);
    }
    // Beyond the largest float there are no levels.
    const auto highest = static_cast<int>(
        std::min(std::ceil(extent) + static_cast<double>(slack),
                 std::floor(static_cast<double>(std::numeric_limits<float>::max()) /
                            static_cast<double>(step))));
    std::vector<float> weights(block.weights.size());
    std::ranges::transform(block.weights, weights.begin(), [step](float w) { return w / step; });
    const auto values = find(weights, block, prior, highest);
    const auto [low, high] = std::ranges::minmax(values);
    const int first = std::min(low, 0), last = std::max(high, 0);
    BlockCode code{Codebook::evenly_spaced(step, first, last - first + 1), {}};
    code.indices.reserve(values.size());
    for (const auto value : values) code.indices.push_back(static_cast<Index>(value - first));
    return code;
  }

  /// The indices of a set, whose levels are two steps apart, are what takes bits.
  [[nodiscard]] float chosen_step(const CheckedBlock& block, Zeros zeros) const {
    std::vector<float> weights(block.weights.begin(), block.weights.end());
    if (zeros == Zeros::keep && block.largest_weight > 0) std::erase(weights, 0.0F);
    const float step = 0.5F * grid_of_entropy(line_of(weights, {}), bits_, 0.5).step;
    const double finest = static_cast<double>(block.largest_weight) / most_chosen;
    return std::max({step, static_cast<float>(finest), 0x1p-149F});
  }

  /// Importance is relative to the largest and lambda to it times step^2, so that no unit matters.
  [[nodiscard]] std::vector<std::int32_t> find(std::span<const float> weights,
                                               const CheckedBlock& block, const Prior& prior,
                                               int highest) const {
    const auto length = prior.path > 0
                            ? std::min(static_cast<std::size_t>(prior.path), weights.size())
                            : weights.size();
    std::vector<float> scales(block.importance.size());
    std::ranges::transform(block.importance, scales.begin(),
                           [&](float h) { return h / block.largest_importance; });
    std::vector<std::int32_t> values(weights.size());
    std::vector<std::uint8_t> zeros(prior.zeros == Zeros::keep ? weights.size() : 0);
    for (std::size_t i = 0; i < zeros.size(); ++i) zeros[i] = weights[i] == 0;
    trellis::Prices prices(-highest, highest);
    trellis::Search search;
    const auto each_path = [&](auto visit) {
      for (std::size_t first = 0; first < weights.size(); first += length)
        visit(first, std::min(length, weights.size() - first));
    };
    for (const float weight : weights) prices.count_weight(weight);
    for (int pass = 0; pass < (lambda_ > 0 ? 3 : 1); ++pass) {
      prices.set(lambda_ * std::numbers::ln2 / 6 / (trellis::step_ratio * trellis::step_ratio));
      each_path([&](std::size_t first, std::size_t count) {
        const trellis::PathMetric metric{
            .scales = scales.empty() ? std::span<const float>{}
                                     : std::span<const float>(scales).subspan(first, count)};
        search.find(std::span(weights).subspan(first, count), metric, 1,
                    zeros.empty() ? zeros : std::span(zeros).subspan(first, count), prices,
                    {-highest, highest}, std::span(values).subspan(first, count));
      });
      prices.forget();
      each_path([&](std::size_t first, std::size_t count) {
        (void)prices.count_path(std::span(values).subspan(first, count));
      });
    }
    return values;
  }

  std::string spec_;
  float step_;
  double bits_, lambda_;
};

}  // namespace

std::unique_ptr<Quantizer> make_trellis(const Options& options) {
  return std::make_unique<TrellisQuantizer>(options);
}

}  // namespace laconic
