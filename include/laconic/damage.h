// Damage tables: what every tensor costs, and what it suffers, at every width. They are what
// allocators pick from; the picks are a plan.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/allocator.h"
#include "laconic/plan.h"
#include "laconic/quantizer.h"

namespace laconic {

/// The ways to store a tensor in b bits a weight.
enum class ChoiceKind {
  kmeans,       ///< 2^b free levels, indices of b bits each.
  kmeans_zero,  ///< 2^(b-1) + 1 levels, one of them zero, as in INQ, SLQ and DNQ; b bits each.
  uniform,      ///< Even steps with b bits of entropy a weight, in halves of a bit.
};

[[nodiscard]] std::string_view name(ChoiceKind kind) noexcept;

/// Throws Error(invalid_argument) naming the valid words.
[[nodiscard]] ChoiceKind parse_choice_kind(std::string_view text);

/// Widths from `least` to `most` bits; 1 <= least <= most <= 10.
struct DamageOptions {
  ChoiceKind kind = ChoiceKind::kmeans;
  int least = 1;
  int most = 8;
};

/// A tensor to be stored. Views must outlive the call they are passed to.
struct NamedWeights {
  std::string name;
  WeightsView view;
};

/// For every tensor and width the size in bits, codebook included, and the damage
///
///     1/2 sum_i importance[i] * (weights[i] - level[index[i]])^2,
///
/// with `what` the quantizer's spec. A tensor's weights are sorted once for all widths; k-means
/// lies within 1e-4 of its optimum. Tensors are worked on in parallel, the larger first. Throws
/// Error(invalid_argument) for widths outside the range, and naming the tensor where its weights
/// are empty or not finite or its importance does not fit.
[[nodiscard]] std::vector<TensorChoices> damage_table(std::span<const NamedWeights> tensors,
                                                      const DamageOptions& options = {});

/// A row for each tensor, with the spec that was picked for it.
[[nodiscard]] Plan plan_of(std::span<const TensorChoices> tensors, const Allocation& allocation);

}  // namespace laconic
