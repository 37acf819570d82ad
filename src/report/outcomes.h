// What was measured, joined with what else is known of the same files, in groups that compare.

#pragma once

#include <string>
#include <vector>

#include "report/findings.h"

namespace laconic {

struct JoinedOutcome {
  Outcome outcome;
  double ratio = no_figure, bits_per_weight = no_figure;
  /// What the network that it was compressed from reaches in the same group.
  double float_score = no_figure;
  bool compressed = false;

  [[nodiscard]] double points_lost() const noexcept { return 100 * (float_score - outcome.score); }
};

/// Of the same figure, on the same part of the same data.
struct OutcomeGroup {
  std::string figure, data, part;
  std::vector<JoinedOutcome> outcomes;  ///< By size, largest first.
};

/// Groups on test parts first; what a search says of its validation part is among the others.
[[nodiscard]] std::vector<OutcomeGroup> outcome_groups(const Findings& findings);

}  // namespace laconic
