// A tensor that is quantized in parts: some of its weights sit at levels and stay there, the others
// are still free. No LibTorch.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "laconic/method.h"
#include "train/methods/planned_tensors.h"

namespace laconic {

/// What becomes of levels once weights are frozen at them.
enum class LevelPolicy {
  keep,   ///< They stay; only levels without frozen weights are fitted again.
  refit,  ///< All are fitted again to all weights: frozen weights move along with their levels.
  fixed,  ///< The codebook of the first share serves to the end.
};

/// Which weights, or levels, come first.
enum class Criterion { magnitude, distance, damage, cluster_loss };

/// How a share is chosen.
struct ShareRule {
  bool by_level = false;  ///< A share of the levels, else of the weights.
  Criterion criterion = Criterion::magnitude;
  bool large_first = true;
  LevelPolicy levels = LevelPolicy::keep;
  bool pin_zero = false;  ///< Zero is a level, and as a level the first to be frozen.
};

class PartialTensor {
 public:
  /// Throws Error(invalid_argument) for a joint granularity. `planned` and `importance` must
  /// outlive it.
  PartialTensor(const PlannedTensor& planned, std::span<const float> importance);

  /// Codebooks for the weights as they are, and the level nearest to each that is still free.
  void fit(std::span<const float> weights, const ShareRule& rule);

  /// What is lost if only the weights at the level of rank `rank` were put there: the weights with
  /// these replaced. Ranks run from the level that by magnitude is first; empty beyond the last.
  [[nodiscard]] std::vector<float> with_rank_replaced(std::span<const float> weights,
                                                      std::size_t rank,
                                                      const ShareRule& rule) const;

  /// The most levels of any block, after fit().
  [[nodiscard]] std::size_t ranks() const;

  /// Freezes until `share` of each block's weights (or levels) are frozen, after fit(). `losses`
  /// are of ranks, for Criterion::cluster_loss and shares below 1.
  void freeze(std::span<const float> weights, double share, const ShareRule& rule,
              std::span<const double> losses = {});

  /// The weights with frozen ones at their levels.
  void put_frozen_in(std::span<float> weights) const;

  /// 1/2 sum of importance times squared distance to the fitted levels.
  [[nodiscard]] double damage(std::span<const float> weights) const;

  [[nodiscard]] std::span<const char> frozen() const noexcept { return frozen_; }
  [[nodiscard]] std::size_t frozen_count() const;
  [[nodiscard]] const std::string& name() const noexcept { return planned_.name; }

  /// Once all weights are frozen.
  [[nodiscard]] QuantizedTensor quantized() const;

  /// Adds to a state what restore() takes from it. restore() throws Error(corrupt_data) if that
  /// does not fit the tensor.
  void save(MethodState& state) const;
  void restore(const MethodState& state);

 private:
  struct Block {
    std::size_t first = 0, count = 0;
    std::vector<float> levels;  ///< Ascending; empty before the first fit.
  };

  void fit_block(Block& block, std::span<const float> weights, const ShareRule& rule);
  void set_codebook(Block& block, std::vector<float> levels);
  void freeze_weights(const Block& block, std::span<const float> weights, double share,
                      const ShareRule& rule);
  void freeze_levels(const Block& block, std::span<const float> weights, double share,
                     const ShareRule& rule, std::span<const double> losses);
  [[nodiscard]] double error(const Block& block, std::size_t i, float weight) const;
  [[nodiscard]] double importance(std::size_t i) const;

  const PlannedTensor& planned_;
  std::span<const float> importance_;
  std::vector<Block> blocks_;
  std::int64_t block_size_ = 0;
  std::vector<Index> indices_;  ///< In the block's levels.
  std::vector<char> frozen_;
};

}  // namespace laconic
