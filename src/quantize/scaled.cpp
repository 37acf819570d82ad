// A fixed pattern times one scale, or one for each sign: binary, ternary, linear and logarithmic
// codebooks, their scales optimal, or found as the papers find them.

#include <algorithm>
#include <cmath>
#include <limits>

#include "laconic/error.h"
#include "quantize/block.h"
#include "quantize/levels.h"
#include "quantize/members.h"
#include "quantize/scaled_pattern.h"

namespace laconic {
namespace {

constexpr int most_sweeps = 10;        ///< Of the papers' alternation.
constexpr double least_change = 1e-6;  ///< Of its scale.

/// A scale with the magnitudes above which weights take each of the pattern's.
struct Fit {
  double scale = 0;
  std::vector<double> thresholds;
};

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
    Fit below, above;
    if (two_scales_) {
      below = fit(side(block, true), block, prior, true);
      above = fit(side(block, false), block, prior, false);
    } else {
      below = above = fit(Magnitudes(block.weights, block.importance), block, prior, false);
    }
    return code(block, below, above, prior.pinned);
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

  static Magnitudes side(const CheckedBlock& block, bool negative) {
    std::vector<float> values, importance;
    for (std::size_t i = 0; i < block.weights.size(); ++i) {
      if (block.weights[i] == 0 || (block.weights[i] < 0) != negative) continue;
      values.push_back(block.weights[i]);
      importance.push_back(block.importance_of(i));
    }
    return {values, importance};
  }

  [[nodiscard]] Fit fit(const Magnitudes& weights, const CheckedBlock& block, const Prior& prior,
                        bool negative) const {
    if (scale_ == "one") return {1, nearest_thresholds(pattern_, 1)};
    if (weights.empty())
      return {0, std::vector<double>(pattern_.magnitudes.size(),
                                     std::numeric_limits<double>::infinity())};
    if (threshold_ != "nearest") return fit_to_thresholds(weights, block);
    double scale = 0;
    if (scale_ == "largest") {
      scale = power_of_largest(weights);
    } else if (alternating_) {
      scale = alternate(weights, prior, negative);
    } else {
      scale = scale_ == "real" ? best_scale(weights, pattern_) : best_power(weights, pattern_);
    }
    return {scale, nearest_thresholds(pattern_, scale)};
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
      const bool settled = std::abs(next - scale) < least_change;
      scale = next;
      if (settled) break;
    }
    return scale;
  }

  /// Weights below zero by one fit, the others by the other one.
  [[nodiscard]] BlockCode code(const CheckedBlock& block, const Fit& below, const Fit& above,
                               std::span<const float> pinned) const {
    const std::size_t count = pattern_.magnitudes.size(), zero = count;
    // Ascending: negative levels, zero, positive ones. A pattern without zero leaves its place out.
    std::vector<float> values(2 * count + 1, 0);
    for (std::size_t j = 0; j < count; ++j) {
      values[zero - 1 - j] = static_cast<float>(-below.scale * pattern_.magnitudes[j]);
      values[zero + 1 + j] = static_cast<float>(above.scale * pattern_.magnitudes[j]);
    }
    std::vector<std::size_t> places(block.weights.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      const double magnitude = std::abs(static_cast<double>(block.weights[i]));
      const bool negative = block.weights[i] < 0;
      const auto& thresholds = negative ? below.thresholds : above.thresholds;
      auto level = static_cast<std::size_t>(
          std::lower_bound(thresholds.begin(), thresholds.end(), magnitude) - thresholds.begin());
      if (!pattern_.zero) level = 1;
      places[i] = negative ? zero - level : zero + level;
    }
    std::vector<float> levels(values);
    std::sort(levels.begin(), levels.end());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
    std::vector<Index> index_of;
    for (const float value : values) {
      index_of.push_back(static_cast<Index>(std::lower_bound(levels.begin(), levels.end(), value) -
                                            levels.begin()));
    }
    std::vector<Index> indices;
    indices.reserve(places.size());
    for (const std::size_t place : places) indices.push_back(index_of[place]);
    return with_used_levels(std::move(levels), std::move(indices), pinned);
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
