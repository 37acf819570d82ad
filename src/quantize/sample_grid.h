// The assignment step of entropy-constrained quantization, exact for every weight, at a small part
// of the cost of looking at every weight.
//
// A weight w of importance h goes to the level with the least h (w - level)^2 + rate. Weights are
// grouped in cells of a grid over w and h. The difference of two levels' costs is linear in w for
// given h and linear in h for given w, so that over a rectangle it is least and greatest in
// corners: a level that wins at all four corners wins inside, and the cell's sums go to it whole.
// Only in the other cells are weights looked at one by one.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "quantize/block.h"
#include "quantize/sort_weights.h"

namespace laconic {

/// Levels, ascending, and what each costs: lambda times the length of its code.
struct RatedLevels {
  std::vector<double> levels;
  std::vector<double> rates;
};

/// What went to a level.
struct LevelSums {
  double count = 0;
  double importance = 0;
  double moment = 0;  ///< Of importance x (weight - origin).
  double square = 0;  ///< Of importance x (weight - origin)^2.

  void add(const LevelSums& other) {
    count += other.count;
    importance += other.importance;
    moment += other.moment;
    square += other.square;
  }
};

class SampleGrid {
 public:
  /// `keys` are all weights of the block that have importance.
  SampleGrid(std::span<const WeightKey> keys, std::size_t without_importance);

  /// Gives every weight to its best level and sums up per level.
  [[nodiscard]] std::vector<LevelSums> assign(const RatedLevels& levels) const;

  /// The best level of every weight of a block: as assign() does it.
  [[nodiscard]] std::vector<Index> indices(const RatedLevels& levels,
                                           const CheckedBlock& block) const;

  [[nodiscard]] double origin() const { return origin_; }

 private:
  struct Sample {
    float weight;
    float importance;
  };
  /// The level that wins in every cell, or -1 where several may.
  [[nodiscard]] std::vector<std::int32_t> winners(const RatedLevels& levels) const;
  [[nodiscard]] std::size_t bucket_of(float importance) const;

  double origin_ = 0;
  double without_importance_;        ///< How many weights: they go where the rate is least.
  std::vector<float> weight_edges_;  ///< The lowest weight, then the highest of each bin.
  std::vector<float> bucket_edges_;  ///< The least importance of each bucket, then a bound of all.
  int bucket_shift_ = 0;             ///< Bits of an importance below those that tell buckets apart.
  std::int64_t first_bucket_ = 0;
  std::vector<Sample> samples_;  ///< Cell by cell, ascending in each.
  std::vector<std::size_t> cell_begin_;
  std::vector<LevelSums> cell_sums_;
};

}  // namespace laconic
