// The part of rANS between tables and payload: indices to states and words, and back.
//
// Duda, Asymmetric numeral systems, 2013. A state x in [2^16, 2^32) takes in a symbol by
//   x -> (x / f) * 2^precision + x % f + first slot of the symbol,
// after it has given its lower 16 bits away if it would otherwise grow beyond 2^32. Encoders go
// from the last index to the first, so that decoders go forwards.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "entropy/frequencies.h"
#include "entropy/rans_loops.h"
#include "laconic/coder.h"

namespace laconic {

/// States and words of a tensor. With one lane, the state starts at 1 and gives words away only
/// once it has grown, so tiny tensors pay nothing for it; with more, they start at 2^16.
struct RansStream {
  std::vector<std::uint32_t> states = {};
  std::vector<std::uint16_t> words = {};  ///< In the order in which decoders take them.
};

/// `lanes` is 1, 4 or 64; at least two symbols occur.
[[nodiscard]] RansStream rans_encode(std::span<const Index> indices, const Frequencies& frequencies,
                                     int lanes, const RansLoops& loops);

/// Fills `indices` from states, as many as lanes, and words of two bytes, the lower first. Returns
/// whether it ended in the encoder's first states with no words left.
[[nodiscard]] bool rans_decode(std::vector<std::uint32_t> states, std::span<const std::byte> words,
                               const Frequencies& frequencies, std::span<Index> indices,
                               const RansLoops& loops);

}  // namespace laconic
