// Small numbers that change little from symbol to symbol, with runs of zeros: the code lengths of
// a prefix code, or the bit widths of frequencies. Neighbouring levels are about equally frequent,
// so the number before is a good guess.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "entropy/bits.h"

namespace laconic {

/// Appends `value` in Elias' gamma code of value + 1, value below 2^16: small ones in few bits.
void put_gamma(BitWriter& writer, std::uint32_t value);

/// Throws Error(corrupt_data), naming `what`, for a value above `largest`, which is below 2^16.
[[nodiscard]] std::uint32_t take_gamma(BitReader& reader, std::uint32_t largest,
                                       std::string_view what);

/// Appends `widths`, each below 32, in gamma codes of: 0 for the same as the last width that was
/// not zero (1 before the first), 1 and 2 for one more and one less, 3 for a run of zeros, whose
/// length less 1 follows, 4 and 5 for two more and two less, and so on.
void put_widths(BitWriter& writer, std::span<const std::uint8_t> widths);

/// Fills `widths`. Throws Error(corrupt_data), naming `what`, where they do not fit into
/// [0, largest].
void take_widths(BitReader& reader, std::span<std::uint8_t> widths, int largest,
                 std::string_view what);

}  // namespace laconic
