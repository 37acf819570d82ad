// Entropy-constrained quantization of one block: levels and an assignment with the least squared
// error plus lambda times the bits of an ideal code.
//
// The alternation of Chou, Lookabaugh and Gray, with importances: every weight goes to the level
// with the least h (w - level)^2 + lambda x length; levels move to their weighted means, lengths to
// the binary logarithms of what was counted; levels that nothing took disappear. No half of a round
// ever raises the cost.

#pragma once

#include <limits>
#include <span>
#include <vector>

#include "laconic/quantizer.h"
#include "quantize/block.h"
#include "quantize/partition.h"
#include "quantize/sample_grid.h"
#include "quantize/sort_weights.h"

namespace laconic {

struct RatedSolution {
  double cost = std::numeric_limits<double>::infinity();  ///< Squared error + lambda x bits.
  double bits = 0;                                        ///< Of all weights together.
  RatedLevels assigned_by;     ///< The levels and rates that weights were assigned by.
  std::vector<double> levels;  ///< Where these levels moved then.
  std::vector<double> counts;  ///< How many weights each got.
  std::vector<char> pinned;
};

class RatedProblem {
 public:
  /// `block` and `pinned` must outlive this.
  RatedProblem(const CheckedBlock& block, std::span<const float> pinned, std::size_t most_levels);

  /// The best that is found from the best intervals.
  [[nodiscard]] RatedSolution solve(double lambda) const;

  /// The best that is found from given levels and the pinned ones; of infinite cost where these are
  /// too many.
  [[nodiscard]] RatedSolution solve_from(std::span<const float> levels, double lambda) const;

  [[nodiscard]] BlockCode code(const RatedSolution& solution, double lambda) const;

  [[nodiscard]] double weights() const { return static_cast<double>(block_.weights.size()); }

  /// Squared error of one level for all.
  [[nodiscard]] double spread() const { return line_.cost(0, line_.size()); }

 private:
  [[nodiscard]] RatedSolution start_of(const Partition& partition) const;
  [[nodiscard]] RatedSolution round_from(const RatedSolution& before, double lambda) const;
  [[nodiscard]] RatedSolution alternate(RatedSolution start, double lambda) const;

  const CheckedBlock& block_;
  std::span<const float> pinned_;
  std::size_t most_levels_;
  std::vector<WeightKey> keys_;
  SortedWeights merged_;
  Line line_;
  SampleGrid grid_;
};

}  // namespace laconic
