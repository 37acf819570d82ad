// Fine bins of weights: what stands for a large block where looking at every weight, let alone
// sorting, would take too long.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "quantize/block.h"

namespace laconic {

/// Bins are evenly spaced in w / (s + |w|) for a typical magnitude s: fine in the bulk, and still
/// there for far tails. Sums are taken in whole numbers, so that they are exact and do not depend
/// on the order of the weights.
class Bins {
 public:
  static constexpr std::size_t count = 16384;
  static constexpr std::size_t half =
      count / 2;  ///< The first bin that is not of negative weights.

  explicit Bins(const CheckedBlock& block);

  /// Bins ascend with the weights.
  [[nodiscard]] std::size_t bin_of(float weight) const;

  /// The bin of every weight; may be taken away.
  [[nodiscard]] std::vector<Index>& ids() { return ids_; }

  /// Sum of importances in `unit()`s, and of importance x weight in unit() x scale()s.
  struct Sums {
    std::int64_t importance = 0;
    std::int64_t moment = 0;
  };
  [[nodiscard]] std::span<const Sums> sums() const { return sums_; }

  /// A bin's mean weight; it must have importance.
  [[nodiscard]] double mean(std::size_t bin) const {
    return static_cast<double>(sums_[bin].moment) / static_cast<double>(sums_[bin].importance) *
           scale_;
  }

  /// What one of `Sums::importance` stands for: a power of two.
  [[nodiscard]] double unit() const { return unit_; }

  /// A bin of less importance has too few digits in its sums to be relied on.
  static constexpr std::int64_t least_reliable = std::int64_t{1} << 26;

 private:
  std::vector<Index> ids_;
  std::vector<Sums> sums_;
  float inverse_scale_ = 1;  ///< Brings weights to magnitudes of at most 1.
  float typical_ = 1;        ///< In these.
  double scale_ = 1, unit_ = 1;
};

}  // namespace laconic
