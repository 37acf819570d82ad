// The search for the best file within a budget.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/compress/workshop.h"

namespace laconic {

/// Looks for the base step at the border of the budget: the one knob that trades all tensors' bits
/// against damage alike. Larger steps make smaller files and cost accuracy. Then, where epochs are
/// allowed, trains at coarser steps from there. A method that was asked for makes the one file that
/// is then held against the budget.
class Search {
 public:
  explicit Search(const Workshop& workshop);

  /// The best candidate within the budget, evaluated. Throws Error(out_of_reach) naming the
  /// nearest.
  [[nodiscard]] Candidate run();

  [[nodiscard]] const std::vector<Trial>& trials() const noexcept { return trials_; }

 private:
  enum class Side { too_fine, too_coarse };

  void bisect();
  /// Remembers a candidate if it is the best, and says on which side of the border its step is.
  Side consider(Candidate candidate);
  [[nodiscard]] bool is_better(const Candidate& candidate, const Candidate& best) const;
  /// Share of the budget that a candidate uses: at most 1 if it fits.
  [[nodiscard]] double used(const Candidate& candidate) const;
  [[nodiscard]] double most_bytes() const;
  void tell(const Trial& trial) const;
  [[noreturn]] void give_up() const;

  const Workshop& workshop_;
  const Budget& budget_;
  std::optional<Candidate> best_;
  std::vector<Trial> trials_;
};

}  // namespace laconic
