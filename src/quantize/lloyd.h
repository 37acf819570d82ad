// Lloyd's alternation on a line: assign points to their nearest levels, move levels to their means.

#pragma once

#include <span>
#include <vector>

#include "quantize/line.h"

namespace laconic {

enum class LloydInit { linear, powers };
enum class EmptyLevel { keep, reseed };

struct LloydOptions {
  LloydInit init = LloydInit::linear;
  EmptyLevel empty = EmptyLevel::reseed;
  int sweeps = 1000;
};

/// `levels` levels to begin with: evenly spaced over the line, or 0, 2^e, -2^e, 2^(e-1), ... with e
/// the largest exponent not above the largest magnitude.
[[nodiscard]] std::vector<float> initial_levels(const Line& line, std::size_t levels,
                                                LloydInit init);

/// Levels after alternating from `start` until nothing changes, or for options.sweeps rounds.
/// Pinned levels stay and replace the nearest of `start`.
[[nodiscard]] std::vector<float> lloyd(const Line& line, std::vector<float> start,
                                       std::span<const float> pinned, const LloydOptions& options);

}  // namespace laconic
