#include "train/post/layer_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "laconic/error.h"
#include "train/post/even_codebook.h"
#include "train/post/moments.h"

namespace laconic {
namespace {

std::int64_t block_size_of(const Granularity& granularity, const Shape& shape, std::size_t count) {
  const auto all = static_cast<std::int64_t>(count);
  switch (granularity.kind) {
    case Granularity::Kind::per_channel:
      return shape.empty() || shape[0] == 0 ? all : all / shape[0];
    case Granularity::Kind::per_group:
      return std::min(granularity.group_size, all);
    default:
      return all;
  }
}

using Weights = std::span<const float>;

/// How many free levels err on normal weights as steps of that width do (Panter and Dite: a normal
/// source in k levels errs by sqrt(3) pi / 2 (r / k)^2).
double levels_for(double step, Weights weights) {
  return std::sqrt(6 * std::numbers::sqrt3 * std::numbers::pi) * root_mean_square(weights) / step;
}

/// Bits that tell so many levels apart.
int bits_for(double levels, int least, int most) {
  return static_cast<int>(std::clamp<double>(std::ceil(std::log2(levels)), least, most));
}

std::string kmeans_at(const LayerChoice& /*choice*/, double step, Weights weights) {
  return fmt::format("kmeans:levels={}", static_cast<int>(std::clamp(
                                             std::ceil(levels_for(step, weights)), 2.0, 256.0)));
}

std::string entropy_constrained_at(const LayerChoice& choice, double step, Weights /*weights*/) {
  return "entropy_constrained:lambda=" +
         print_number((choice.importance.empty() ? 1 : mean(choice.importance)) * step * step *
                      std::numbers::ln2 / 6);
}

std::string scaled_at(const LayerChoice& /*choice*/, double step, Weights weights) {
  const double levels = levels_for(step, weights);
  if (levels <= 3) return "scaled:pattern=ternary";
  // 2^bits - 1 levels: zero, and as many of either sign.
  return fmt::format("scaled:pattern=linear,bits={}", bits_for(levels + 1, 3, 6));
}

/// Its levels are even from -1 to 1, whatever the weights: so many that they are a step apart.
std::string dorefa_at(const LayerChoice& /*choice*/, double step, Weights /*weights*/) {
  return fmt::format("dorefa:bits={}", bits_for(2 / step + 1, 1, 8));
}

Codebook even_steps(Weights block, double step) {
  return evenly_spaced_over(block, short_float(step));
}

/// How the levels of a member follow from a step: by even ones over a block's weights, or by a
/// spec.
struct StepRule {
  std::string_view quantizer;
  Codebook (*even)(Weights block, double step) = nullptr;
  std::string (*spec)(const LayerChoice& choice, double step, Weights weights) = nullptr;
};

constexpr std::array rules = {
    StepRule{"uniform", even_steps},
    StepRule{"trellis", trellis_levels_over},
    StepRule{"kmeans", nullptr, kmeans_at},
    StepRule{"entropy_constrained", nullptr, entropy_constrained_at},
    StepRule{"scaled", nullptr, scaled_at},
    StepRule{"dorefa", nullptr, dorefa_at},
};

/// Null where options have been given: they decide.
const StepRule* rule_of(const LayerChoice& choice) noexcept {
  const auto found = std::ranges::find(rules, choice.quantizer, &StepRule::quantizer);
  return found == rules.end() ? nullptr : &*found;
}

QuantizedTensor even_levels(const LayerChoice& choice, const StepRule& rule, double step,
                            const Shape& shape, Weights weights) {
  const std::int64_t size = block_size_of(choice.granularity, shape, weights.size());
  QuantizedTensor tensor{shape, size, {}, {}};
  const double whole = root_mean_square(weights);
  for (std::size_t first = 0; first < weights.size(); first += static_cast<std::size_t>(size)) {
    const auto block =
        weights.subspan(first, std::min(static_cast<std::size_t>(size), weights.size() - first));
    const double part = root_mean_square(block);
    const double share = part > 0 && whole > 0 ? std::sqrt(part / whole) : 1;
    tensor.codebooks.push_back(rule.even(block, step * share));
  }
  return tensor;
}

}  // namespace

bool has_even_levels(const LayerChoice& choice) noexcept {
  const auto* rule = rule_of(choice);
  return rule != nullptr && rule->even != nullptr;
}

std::string spec_at(const LayerChoice& choice, double step, std::span<const float> weights) {
  const auto* rule = rule_of(choice);
  return rule != nullptr && rule->spec != nullptr ? rule->spec(choice, step, weights)
                                                  : choice.quantizer;
}

QuantizedTensor first_levels(const LayerChoice& choice, double step, const Shape& shape,
                             std::span<const float> weights) {
  QuantizedTensor tensor;
  if (choice.codebook) {
    tensor = {shape, static_cast<std::int64_t>(weights.size()), {*choice.codebook}, {}};
  } else if (has_even_levels(choice)) {
    tensor = even_levels(choice, *rule_of(choice), step, shape, weights);
  } else {
    const auto quantizer = make_quantizer(spec_at(choice, step, weights));
    const WeightsView view{shape, weights, choice.importance};
    return quantize(*quantizer, std::span(&view, 1), choice.granularity, choice.zeros)[0];
  }
  tensor.indices.reserve(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    tensor.indices.push_back(
        tensor.codebooks[i / static_cast<std::size_t>(tensor.block_size)].nearest(weights[i]));
  }
  return tensor;
}

}  // namespace laconic
