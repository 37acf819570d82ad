// Pruning: which weights become zero before the others are quantized. `train` prunes while it
// trains (TrainOptions::pruning).

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/quantizer.h"
#include "laconic/spec.h"

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

/// What is pruned while a network trains, and until when.
struct Pruning {
  PruneOptions options;
  double until = 0.5;  ///< Share of the training after which `keep` is reached; 0: before it.
};

/// All members, in the order of the table in src/quantize/prune_family.cpp.
[[nodiscard]] std::span<const MemberInfo> pruners() noexcept;

/// Reads "name" or "name:key=value,key=value". Throws Error(invalid_argument) that names the
/// nearest valid name, key or range.
[[nodiscard]] Pruning parse_pruning(std::string_view spec);

/// Canonical spec of the member, every option written out.
[[nodiscard]] std::string print_pruning(std::string_view spec);

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
