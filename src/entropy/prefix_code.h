// Canonical prefix codes: lengths that minimise the expected length, and decoding by table.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "entropy/bits.h"
#include "laconic/coder.h"

namespace laconic {

/// Codes are no longer than this: long enough that the limit costs nothing worth naming, short
/// enough for the 32 bits that a BitReader peeks.
inline constexpr int max_code_length = 20;

/// Lengths of the best prefix code among those with at most max_code_length bits, 0 for symbols
/// that do not occur. A symbol that occurs alone gets length 1. At most 65,536 counts.
[[nodiscard]] std::vector<std::uint8_t> prefix_lengths(std::span<const std::uint64_t> counts);

/// The code words of canonical codes: ascending by length, then by symbol, the first bit of a word
/// in its lowest bit. The lengths come from prefix_lengths().
[[nodiscard]] std::vector<std::uint32_t> prefix_codes(std::span<const std::uint8_t> lengths);

/// Takes symbols from bits. Every sequence of bits is one of symbols: the code is complete.
class PrefixDecoder {
 public:
  /// Throws Error(corrupt_data) unless the lengths, at most max_code_length, fill the code tree
  /// exactly, with two symbols or more.
  explicit PrefixDecoder(std::span<const std::uint8_t> lengths);

  [[nodiscard]] Index take(BitReader& reader) const {
    const std::uint32_t bits = reader.peek(max_code_length);
    const Entry entry = table_[bits % table_.size()];
    if (entry.length == 0) return take_long(reader, bits);
    reader.skip(entry.length);
    return entry.symbol;
  }

 private:
  struct Entry {
    Index symbol = 0;
    std::uint8_t length = 0;  ///< 0: the code is longer than the table is wide.
  };
  [[nodiscard]] Index take_long(BitReader& reader, std::uint32_t bits) const;

  std::array<Entry, 1 << 11> table_ = {};
  std::array<std::uint32_t, max_code_length + 1> count_ = {};  ///< Codes of each length.
  std::vector<Index> symbols_;                                 ///< In the order of their codes.
};

}  // namespace laconic
