// Fine bins of weights: what stands for a large block where looking at every weight again, let
// alone sorting, would take too long.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "quantize/block.h"
#include "quantize/ranges.h"

namespace laconic {

/// Bins are evenly spaced in |w| / (s + |w|) for a typical magnitude s, on both sides of zero: fine
/// in the bulk, and still there for far tails. Sums are taken in whole numbers, so that they do not
/// depend on the order of the weights.
class Bins {
 public:
  static constexpr std::size_t count = 16384;
  static constexpr std::size_t half =
      count / 2;  ///< The first bin that is not of negative weights.

  /// From this distance from zero on bins are wide: 15 times a typical magnitude.
  static constexpr std::size_t far = half - half / 16;

  explicit Bins(const CheckedBlock& block);

  /// Bins ascend with the weights.
  [[nodiscard]] std::size_t bin_of(float weight) const;

  /// How many bins from zero those of this magnitude lie, 0 to half - 1; and the least magnitude
  /// that lies so far. Both up to roundings of the weights' own places, 1e-3 of a bin.
  [[nodiscard]] std::size_t distance_of(double magnitude) const;
  [[nodiscard]] double lower_magnitude(std::size_t distance) const;

  /// The bin of every weight; may be taken away.
  [[nodiscard]] std::vector<Index>& ids() { return ids_; }

  /// Sum of the importances in a bin.
  [[nodiscard]] double importance(std::size_t bin) const {
    return static_cast<double>(sums_[bin].importance) * unit_;
  }

  /// Weighted mean of a bin's weights; it must have importance.
  [[nodiscard]] double mean(std::size_t bin) const;

  /// Mean importance of a weight in the units in which it is summed: importances lose at most one
  /// each.
  [[nodiscard]] double mean_units() const;

  /// Whether importance and mean are good to about seven digits: not where importance is but a few
  /// units, nor far out, where bins are wide.
  [[nodiscard]] bool reliable(std::size_t bin) const;

 private:
  /// Importances in units, and the same times the place within the bin, 0 towards zero, 1 away.
  struct Sums {
    std::int64_t importance = 0;
    std::int64_t place = 0;
  };

  /// Places the weights of a range, and adds them to these sums. `largest` is the exponent of the
  /// largest importance.
  void add(const CheckedBlock& block, const IndexRange& range, int largest,
           std::vector<Sums>& sums_of);

  std::vector<Index> ids_;
  std::vector<Sums> sums_;
  float inverse_scale_ = 1;  ///< Brings weights to magnitudes of at most 1.
  float typical_ = 1;        ///< In these.
  double scale_ = 1, unit_ = 1;
};

}  // namespace laconic
