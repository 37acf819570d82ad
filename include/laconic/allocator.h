// The allocator family: how many bits each tensor gets, given a budget for all of them.
//
// For every tensor the caller lists the ways in which it may be stored, each with its size and with
// the damage it does; an allocator picks one way per tensor so that all fit the budget. Damages are
// taken to add up over tensors. They are whatever the caller measures (curvature-weighted
// distortion, the rise in loss when that tensor alone is quantized), in one unit for all tensors.

#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/spec.h"

namespace laconic {

/// One way to store one tensor.
struct TensorChoice {
  double bits = 0;    ///< Size of the whole tensor. Finite, at least 0.
  double damage = 0;  ///< Finite, at least 0.
  std::string what;   ///< A spec or label; the same words mean the same way in every tensor.
};

/// The ways to store one tensor: at least one, in any order; damage need not fall as bits grow.
struct TensorChoices {
  std::string tensor;
  std::vector<TensorChoice> choices;
};

/// A choice for every tensor, and how good it is.
///
/// Sizes are added without rounding: where bits are whole numbers, they are exact; fractions are
/// first rounded up, by at most 2^-51 of the largest total. So `bits` never understates the size,
/// and an allocation always fits a budget equal to its own `bits`.
struct Allocation {
  std::vector<std::size_t> picks;  ///< For each tensor, the position of its choice.
  double bits = 0;                 ///< Of all picks; never above the budget.
  double damage = 0;               ///< Of all picks, added in the order of the tensors.
  double bound = 0;                ///< No allocation within the budget does less damage than this.
  double lambda =
      0;  ///< Damage saved per bit at the margin: slope of the hull bound at the budget.

  /// Whether it is proven, up to the rounding of sums of damages, that none does less damage.
  [[nodiscard]] bool optimal() const noexcept { return damage <= bound; }

  bool operator==(const Allocation&) const = default;
};

struct AllocationProblem;

/// Immutable and safe to use from many threads at once. The same input gives the same allocation;
/// of equal damages the fewer bits win, of equal bits the choice listed first.
class Allocator {
 public:
  virtual ~Allocator() = default;

  /// Picks for all tensors; a budget above the largest size (infinity too) gets the least damage.
  /// Throws Error(invalid_argument) where there is no tensor, a tensor has no choice, or a number
  /// is not as required above, and Error(out_of_reach), naming both ends, for a budget below the
  /// smallest size that the member can reach.
  [[nodiscard]] Allocation allocate(std::span<const TensorChoices> tensors,
                                    double budget_bits) const;

  /// Canonical spec, every option written out.
  [[nodiscard]] virtual std::string spec() const = 0;

 private:
  /// What members override, with arguments checked and a budget that the smallest choices fit.
  /// Fills in `picks`, and `bound` where it proves more than the convex hull does.
  [[nodiscard]] virtual Allocation solve(const AllocationProblem& problem) const = 0;
};

/// The allocation that minimises damage + lambda * bits, tensor by tensor; of equals, the fewest
/// bits. None of its size does less damage, and its size falls as lambda grows: from the
/// least damage at 0 to the smallest size at infinity. Throws Error(invalid_argument) as allocate()
/// does, and for a lambda that is negative or NaN.
[[nodiscard]] Allocation allocate_at_lambda(std::span<const TensorChoices> tensors, double lambda);

/// All members, in the order of the table in src/allocate/family.cpp.
[[nodiscard]] std::span<const MemberInfo> allocators() noexcept;

/// Builds a member from its spec. Throws Error(invalid_argument) as make_quantizer() does.
[[nodiscard]] std::unique_ptr<Allocator> make_allocator(std::string_view spec);

}  // namespace laconic
