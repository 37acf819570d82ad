// Winning accuracy back: some epochs of training on the quantized network, in stretches at one step
// each.

#pragma once

#include "train/checkpoint.h"
#include "train/compress/joined_parts.h"
#include "train/compress/workshop.h"
#include "train/post/fine_tune.h"

namespace laconic {

/// Trains for the epochs that the options allow, taught by the float network. Each stretch has a
/// schedule of its own and begins at the float network: weights that were trained on one step are
/// far from others, and error compensation that fitted them is lost. Of a budget of accuracy half
/// the epochs are stretches of one, each at a step that goes by how those before came out; then the
/// others are one stretch, which is held to a size between that of a file that kept the budget and
/// of one that did not. Of a budget of bytes, whose step is known, one stretch takes all.
class Tuning {
 public:
  /// Begins at the step of the best file without training, or for a budget of accuracy somewhat
  /// coarser.
  Tuning(const Workshop& workshop, const Candidate& untrained);

  /// Goes on where capture() was called. Throws Error(corrupt_data).
  Tuning(const Workshop& workshop, const Checkpoint& checkpoint);

  /// Whether capture() was called on the checkpoint.
  [[nodiscard]] static bool is_in(const Checkpoint& checkpoint);

  [[nodiscard]] bool is_done() const noexcept;

  /// The evaluated file after one more stretch. With a folder in the options one that was broken
  /// off goes on where it was.
  [[nodiscard]] Candidate train_stretch();

  /// Settles the next stretch's step and size by how much of the budget of accuracy the last file
  /// used, up to 1 fits: the less, the coarser; once a file missed it, between those that did and
  /// did not.
  void adapt(const Candidate& last, double used);

  /// Between stretches.
  void capture(Checkpoint& checkpoint) const;

 private:
  /// What a stretch came to, or is to come to.
  struct Mark {
    double step = 0;
    double bytes = 0;  ///< Of the file.
  };

  [[nodiscard]] const Dataset& samples() const noexcept;
  [[nodiscard]] std::int64_t next_length() const noexcept;
  [[nodiscard]] std::optional<SizeBudget> size_budget(std::int64_t epochs) const;

  const Workshop& workshop_;
  JoinedParts all_;
  Mark next_;
  Mark fits_;               ///< The coarsest that kept the budget of accuracy, trained or not.
  Mark misses_;             ///< The finest that missed it with training; 0: none.
  std::int64_t epoch_ = 0;  ///< Of all stretches together.
};

}  // namespace laconic
