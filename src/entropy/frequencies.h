// Frequencies for rANS: counts scaled to a power of two, and their short form in bytes.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "entropy/bits.h"

namespace laconic {

/// What rANS takes each symbol's share to be.
struct Frequencies {
  int precision = 0;                   ///< Frequencies add up to 2^precision; 0: one symbol alone.
  std::vector<std::uint32_t> of = {};  ///< Of each symbol of the alphabet; 0: it does not occur.
};

/// With more precision, slots and states of 32 bits would no longer be exact enough.
inline constexpr int max_precision = 16;

/// Scales counts, some of them positive, so that coding takes few bits. Each symbol that occurs
/// gets 1 at least, so there are at most 2^precision.
[[nodiscard]] Frequencies scale_counts(std::span<const std::uint64_t> counts, int precision);

/// Bits that the counted symbols take at the given frequencies, rounded.
[[nodiscard]] std::uint64_t cost_in_bits(std::span<const std::uint64_t> counts,
                                         const Frequencies& frequencies);

/// The precision from `least` to `most` at which table and symbols together take the fewest bits;
/// the smallest that the symbols fit into, where that is larger.
[[nodiscard]] Frequencies best_frequencies(std::span<const std::uint64_t> counts, int least,
                                           int most);

void put_frequencies(BitWriter& writer, const Frequencies& frequencies);

/// Throws Error(corrupt_data) for anything that put_frequencies() does not write for that alphabet.
[[nodiscard]] Frequencies take_frequencies(BitReader& reader, std::int64_t alphabet);

}  // namespace laconic
