// The search for the best file within a budget.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/checkpoint_store.h"
#include "train/compress/tuning.h"
#include "train/compress/workshop.h"

namespace laconic {

/// Looks for the base step at the border of the budget: the one knob that trades all tensors' bits
/// against damage alike. Larger steps make smaller files and cost accuracy. Then, where epochs are
/// allowed, trains at coarser steps from there. A method that was asked for makes the one file that
/// is then held against the budget.
///
/// With a folder in the options what was found is kept after each file. A search that is continued
/// follows the same way as far as it is known, without making the files again.
class Search {
 public:
  explicit Search(const Workshop& workshop);

  /// The best candidate within the budget, evaluated. Throws Error(out_of_reach) naming the
  /// nearest.
  [[nodiscard]] Candidate run();

  [[nodiscard]] const std::vector<Trial>& trials() const noexcept { return trials_; }

 private:
  enum class Side { too_fine, too_coarse };

  /// A step next to the border, and what it comes to.
  struct End {
    double step = 0;  ///< 0: none is known.
    double bytes = 0;
  };

  void bisect();
  /// Where a budget of bytes should be met between two ends: sizes fall smoothly with the step.
  [[nodiscard]] double where_met(const End& fine, const End& coarse) const;
  [[nodiscard]] bool fills_budget(const Trial& trial) const;
  /// What a step comes to.
  const Trial& probe(double step);
  void tune(std::optional<Checkpoint> found);
  /// Remembers a candidate if it is the best.
  void consider(Candidate candidate);
  [[nodiscard]] Side side(const Trial& trial) const;
  [[nodiscard]] bool is_better(const Candidate& candidate, const Candidate& best) const;
  /// Share of the budget that a candidate uses: at most 1 if it fits.
  [[nodiscard]] double used(const Candidate& candidate) const;
  void tell(const Trial& trial) const;
  [[noreturn]] void give_up() const;
  /// Takes over what an earlier run found.
  std::optional<Checkpoint> open();
  void save(const Tuning* tuning);

  const Workshop& workshop_;
  const Budget& budget_;
  CheckpointStore store_;
  std::optional<Candidate> best_;
  std::vector<Trial> trials_;
  std::size_t probes_ = 0;  ///< So many of the trials are on the way to here.
};

}  // namespace laconic
