// Pruning: which weights become zero before the others are quantized. Retraining between rounds of
// pruning is the caller's, with weights that masks hold at zero.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "laconic/quantizer.h"

namespace laconic {

/// What a weight is worth keeping for.
enum class PruneScore {
  magnitude,   ///< |w|
  importance,  ///< importance x w^2: the loss that a weight's absence costs, to second order.
};

/// Among which weights the best are kept.
enum class PruneScope {
  tensor,   ///< The same share of every tensor.
  network,  ///< One threshold for all of them.
};

struct PruneOptions {
  double keep = 1;  ///< Share of the weights that survives, 0 to 1; their number is rounded.
  PruneScore score = PruneScore::magnitude;
  PruneScope scope = PruneScope::tensor;
};

/// "magnitude" or "importance", "tensor" or "network". Throws Error(invalid_argument).
[[nodiscard]] PruneScore parse_prune_score(std::string_view text);
[[nodiscard]] PruneScope parse_prune_scope(std::string_view text);

/// One entry per weight: 1 survives, 0 does not.
using Mask = std::vector<std::uint8_t>;

/// Keeps the weights of highest score; of equal ones, those that come first. Throws
/// Error(invalid_argument) for a share outside 0 to 1, weights that are not finite, or importances
/// that are not finite or negative.
[[nodiscard]] std::vector<Mask> prune(std::span<const WeightsView> tensors,
                                      const PruneOptions& options);

/// Sets the weights that `mask` drops to zero; both have the same length.
void apply_mask(const Mask& mask, std::span<float> weights);

/// The share to keep in round 1 to `rounds` of gradual pruning to a final share of `keep`: much is
/// taken at first, when it is easy, and little at last (Zhu, Gupta 2017: a cubic).
[[nodiscard]] double gradual_keep(double keep, std::int64_t round, std::int64_t rounds);

}  // namespace laconic
