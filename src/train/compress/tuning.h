// Winning accuracy back: a few epochs of training on the quantized network, at coarser and coarser
// steps.

#pragma once

#include <functional>

#include "train/compress/workshop.h"

namespace laconic {

/// Trains for the epochs that the options allow, an epoch at a time, beginning somewhat coarser
/// than the best candidate without training, `start`; taught by the float network. Calls `offer`
/// with the evaluated candidate after each epoch; it answers how much of the budget was used: below
/// 1 fits. The less was used, the coarser the next epoch's step.
void tune(const Workshop& workshop, const Candidate& start,
          const std::function<double(Candidate)>& offer);

}  // namespace laconic
