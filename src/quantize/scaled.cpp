// A fixed pattern times one scale, or one for each sign: binary, ternary, linear and logarithmic
// codebooks, their scales optimal, or found as the papers find them.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "laconic/error.h"
#include "quantize/binned_scale.h"
#include "quantize/block.h"
#include "quantize/levels.h"
#include "quantize/members.h"
#include "quantize/nearest.h"
#include "quantize/scaled_pattern.h"

namespace laconic {
namespace {

constexpr int most_sweeps = 10;        ///< Of the papers' alternation.
constexpr double least_change = 1e-6;  ///< Of a scale, in shares of it.
constexpr std::size_t least_binned = 32768;
constexpr std::size_t few_uppers = 8;  ///< Up to here, comparing with each is faster than bins.
constexpr float infinity = std::numeric_limits<float>::infinity();

/// A scale with the magnitudes above which weights take each of the pattern's.
struct Fit {
  double scale = 0;
  std::vector<double> thresholds;
};

/// The largest float that is at most `limit`, and the least that is more.
float floor_float(double limit) {
  const auto nearest = static_cast<float>(limit);
  return static_cast<double>(nearest) > limit ? std::nextafter(nearest, -infinity) : nearest;
}
float above_floor(double limit) {
  return std::nextafter(floor_float(limit), infinity);
}

/// The highest levels of a pattern may lie far beyond all weights.
float level_at(double value) {
  return static_cast<float>(std::min(value, double{std::numeric_limits<float>::max()}));
}

class Scaled final : public Quantizer {
 public:
  explicit Scaled(const Options& options)
      : spec_(options.spec()),
        pattern_(make_pattern(options.text("pattern"), static_cast<int>(options.integer("bits")))),
        scale_(options.text("scale")),
        alternating_(options.text("solver") == "alternating"),
        threshold_(options.text("threshold")),
        factor_(options.number("factor")),
        legacy_(options.text("scale_rule") == "legacy_abs"),
        two_scales_(options.text("signs") == "two") {
    const auto refuse = [](std::string_view what) {
      fail(ErrorCode::invalid_argument, "quantizer \"scaled\": {}", what);
    };
    const bool ternary = pattern_.zero && pattern_.magnitudes.size() == 1;
    if (two_scales_ && !pattern_.zero) refuse("signs=two needs a pattern with zero");
    if (legacy_ && !alternating_) refuse("scale_rule=legacy_abs needs solver=alternating");
    if (threshold_ == "mean" && !ternary) refuse("threshold=mean needs pattern=ternary");
    if (threshold_ == "mu" && options.text("pattern") != "powers" && !ternary) {
      refuse("threshold=mu needs pattern=powers or ternary");
    }
    if (threshold_ != "nearest" &&
        (alternating_ || (scale_ != "real" && scale_ != "power_of_two"))) {
      refuse("threshold=mean and mu need solver=exact and scale=real or power_of_two");
    }
  }

  std::string spec() const override { return spec_; }

 private:
  BlockCode solve(const CheckedBlock& block, const Prior& prior) const override {
    check_pins(prior.pinned);
    std::optional<Bins> bins;
    if (searches() && block.weights.size() >= least_binned) bins.emplace(block);
    Fit below, above;
    if (two_scales_) {
      below = fit(block, Side::negative, bins, prior);
      above = fit(block, Side::positive, bins, prior);
    } else {
      below = above = fit(block, Side::both, bins, prior);
    }
    return code(block, below, above, prior, bins);
  }

  /// Whether a best scale is sought among all.
  [[nodiscard]] bool searches() const {
    return threshold_ == "nearest" && !alternating_ &&
           (scale_ == "real" || scale_ == "power_of_two");
  }

  void check_pins(std::span<const float> pinned) const {
    for (const float pin : pinned) {
      const bool level =
          scale_ == "one" &&
          std::any_of(pattern_.magnitudes.begin(), pattern_.magnitudes.end(),
                      [&](double m) { return static_cast<float>(m) == std::abs(pin); });
      if ((pin == 0 && pattern_.zero) || level) continue;
      fail(ErrorCode::invalid_argument, "scaled cannot pin {}, which is no level of its pattern",
           pin);
    }
  }

  static Magnitudes magnitudes(const CheckedBlock& block, Side side) {
    if (side == Side::both) return {block.weights, block.importance};
    std::vector<float> values, importance;
    for (std::size_t i = 0; i < block.weights.size(); ++i) {
      if (block.weights[i] == 0 || (block.weights[i] < 0) != (side == Side::negative)) continue;
      values.push_back(block.weights[i]);
      importance.push_back(block.importance_of(i));
    }
    return {values, importance};
  }

  [[nodiscard]] Fit fit(const CheckedBlock& block, Side side, std::optional<Bins>& bins,
                        const Prior& prior) const {
    if (scale_ == "one") return nearest(1);
    if (bins) {
      const auto scale = binned_scale(*bins, block, pattern_, side, scale_ == "power_of_two");
      if (scale) return nearest(*scale);
    }
    const auto weights = magnitudes(block, side);
    if (weights.empty()) return nearest(0);
    if (threshold_ != "nearest") return fit_to_thresholds(weights, block);
    if (scale_ == "largest") return nearest(power_of_largest(weights));
    if (alternating_) return nearest(alternate(weights, prior, side == Side::negative));
    return nearest(scale_ == "real" ? best_scale(weights, pattern_)
                                    : best_power(weights, pattern_));
  }

  /// Codes of the nearest levels; a scale of zero leaves only that level.
  [[nodiscard]] Fit nearest(double scale) const {
    if (scale > 0) return {scale, nearest_thresholds(pattern_, scale)};
    return {0, std::vector<double>(pattern_.magnitudes.size(),
                                   std::numeric_limits<double>::infinity())};
  }

  [[nodiscard]] double scale_of(const CodeSums& sums) const {
    const double denominator = legacy_ ? sums.absolute : sums.square;
    if (!(denominator > 0)) return 0;
    return scale_ == "power_of_two" ? power_of_codes({sums.product, denominator, denominator})
                                    : sums.product / denominator;
  }

  /// Codes by thresholds that do not depend on the scale, then the scale that suits them.
  [[nodiscard]] Fit fit_to_thresholds(const Magnitudes& weights, const CheckedBlock& block) const {
    std::vector<double> thresholds;
    if (threshold_ == "mean") {
      thresholds.push_back(factor_ * mean_magnitude(block, weights));
    } else {
      // LBW-Net: of powers of two, those nearest at a scale of 4/3 mu; a border itself goes up.
      const double mu = factor_ * static_cast<double>(weights.values().back());
      const std::size_t count = pattern_.magnitudes.size();
      for (std::size_t j = 0; j < count; ++j) {
        const double border =
            j == 0 && count > 1 ? 2 * pattern_.magnitudes[0] * mu / 3 : pattern_.magnitudes[j] * mu;
        thresholds.push_back(std::nextafter(border, 0.0));
      }
    }
    return {scale_of(code_sums(weights, pattern_, thresholds)), thresholds};
  }

  /// Of the weights that the fit is of, each counted once.
  [[nodiscard]] double mean_magnitude(const CheckedBlock& block, const Magnitudes& weights) const {
    if (two_scales_)
      return weights.moment(0, weights.values().size()) /
             weights.importance(0, weights.values().size());
    const Magnitudes plain(block.weights, {});
    return plain.moment(0, plain.values().size()) / plain.importance(0, plain.values().size());
  }

  /// The papers' alternation between codes and scale.
  [[nodiscard]] double alternate(const Magnitudes& weights, const Prior& prior,
                                 bool negative) const {
    const std::size_t all = weights.values().size();
    double scale = 0;
    if (prior.start != nullptr) {
      const auto levels = prior.start->levels();
      const double low = -static_cast<double>(levels.front()), high = levels.back();
      scale = std::max(0.0, two_scales_ ? (negative ? low : high) : std::max(low, high));
    }
    if (!(scale > 0)) {
      const bool ternary = pattern_.zero && pattern_.magnitudes.size() == 1;
      const double mean = weights.moment(0, all) / weights.importance(0, all);
      // TWN's codes; those of more bits begin with signs.
      std::vector<double> thresholds(pattern_.magnitudes.size(), -1);
      if (ternary) thresholds[0] = 0.7 * mean;
      scale = scale_of(code_sums(weights, pattern_, thresholds));
    }
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
      const double next =
          scale_of(code_sums(weights, pattern_, nearest_thresholds(pattern_, scale)));
      if (!(next > 0)) break;
      const bool settled = std::abs(next - scale) < least_change * scale;
      scale = next;
      if (settled) break;
    }
    return scale;
  }

  /// Weights below zero by one fit, the others by the other one.
  [[nodiscard]] BlockCode code(const CheckedBlock& block, const Fit& below, const Fit& above,
                               const Prior& prior, std::optional<Bins>& bins) const {
    const std::size_t count = pattern_.magnitudes.size();
    // Ascending: negative levels, zero, positive ones; and between each two the largest weight that
    // still takes the lower one.
    std::vector<float> values, uppers;
    for (std::size_t j = count; j-- > 0;) {
      values.push_back(-level_at(below.scale * pattern_.magnitudes[j]));
      if (j > 0 || pattern_.zero) uppers.push_back(-above_floor(below.thresholds[j]));
    }
    if (pattern_.zero) {
      values.push_back(0);
    } else {
      uppers.push_back(-std::numeric_limits<float>::denorm_min());  // The sign of zero is positive.
    }
    for (std::size_t j = 0; j < count; ++j) {
      if (j > 0 || pattern_.zero) uppers.push_back(floor_float(above.thresholds[j]));
      values.push_back(level_at(above.scale * pattern_.magnitudes[j]));
    }
    std::vector<Index> indices;
    const bool by_bins = bins && uppers.size() > few_uppers;
    if (by_bins) count_uppers(*bins, uppers, block.weights);
    if (bins) indices = std::move(bins->ids());
    indices.resize(block.weights.size());
    if (!by_bins) count_uppers(uppers, block.weights, indices);
    std::vector<float> levels(values);
    std::sort(levels.begin(), levels.end());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
    if (levels.size() < values.size()) {
      std::vector<Index> index_of;
      for (const float value : values) {
        index_of.push_back(static_cast<Index>(
            std::lower_bound(levels.begin(), levels.end(), value) - levels.begin()));
      }
      for (Index& index : indices) index = index_of[index];
    }
    if (prior.whole_pattern) return {Codebook(std::move(levels)), std::move(indices)};
    return with_used_levels(std::move(levels), std::move(indices), prior.pinned);
  }

  std::string spec_;
  Pattern pattern_;
  std::string scale_;
  bool alternating_;
  std::string threshold_;
  double factor_;
  bool legacy_, two_scales_;
};

}  // namespace

std::unique_ptr<Quantizer> make_scaled(const Options& options) {
  return std::make_unique<Scaled>(options);
}

}  // namespace laconic
