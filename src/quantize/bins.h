// Fine bins of weights: what stands for a large block where looking at every weight again, let
// alone sorting, would take too long.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "quantize/block.h"

namespace laconic {

/// Bins are evenly spaced in |w| / (s + |w|) for a typical magnitude s, on both sides of zero: fine
/// in the bulk, and still there for far tails. Sums are taken in whole numbers, so that they do not
/// depend on the order of the weights.
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

  /// Sum of the importances in a bin.
  [[nodiscard]] double importance(std::size_t bin) const {
    return static_cast<double>(sums_[bin].importance) * unit_;
  }

  /// Weighted mean of a bin's weights; it must have importance.
  [[nodiscard]] double mean(std::size_t bin) const;

  /// Whether importance and mean are good to about seven digits: not where importance is but a few
  /// units, nor far out, where bins are wide.
  [[nodiscard]] bool reliable(std::size_t bin) const;

 private:
  /// Importances in units, and the same times the place within the bin, 0 towards zero, 1 away.
  struct Sums {
    std::int64_t importance = 0;
    std::int64_t place = 0;
  };

  std::vector<Index> ids_;
  std::vector<Sums> sums_;
  float inverse_scale_ = 1;  ///< Brings weights to magnitudes of at most 1.
  float typical_ = 1;        ///< In these.
  double scale_ = 1, unit_ = 1;
};

}  // namespace laconic
