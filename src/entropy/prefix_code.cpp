#include "entropy/prefix_code.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "laconic/error.h"

namespace laconic {
namespace {

/// Symbols whose lengths are not 0, by length, then by symbol.
std::vector<Index> in_canonical_order(std::span<const std::uint8_t> lengths) {
  std::vector<Index> symbols;
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    if (lengths[s] != 0) symbols.push_back(static_cast<Index>(s));
  }
  std::stable_sort(symbols.begin(), symbols.end(),
                   [&](Index a, Index b) { return lengths[a] < lengths[b]; });
  return symbols;
}

std::uint32_t reversed(std::uint32_t bits, int count) {
  std::uint32_t out = 0;
  for (int i = 0; i < count; ++i) out = out << 1 | (bits >> i & 1);
  return out;
}

}  // namespace

// Package-merge: Larmore and Hirschberg, A fast algorithm for optimal length-limited Huffman codes,
// 1990. Each round merges the symbols with pairs of the round before; how many symbols are among
// the cheapest 2n - 2 of the last round, and so on backwards, gives the lengths.
std::vector<std::uint8_t> prefix_lengths(std::span<const std::uint64_t> counts) {
  std::vector<std::uint8_t> lengths(counts.size());
  std::vector<Index> symbols;
  for (std::size_t s = 0; s < counts.size(); ++s) {
    if (counts[s] != 0) symbols.push_back(static_cast<Index>(s));
  }
  if (symbols.size() == 1) lengths[symbols[0]] = 1;
  if (symbols.size() < 2) return lengths;
  std::stable_sort(symbols.begin(), symbols.end(),
                   [&](Index a, Index b) { return counts[a] < counts[b]; });

  std::array<std::vector<bool>, max_code_length> is_symbol;
  std::vector<std::uint64_t> merged, pairs;
  for (auto& round : is_symbol) {
    pairs.clear();
    for (std::size_t i = 0; i + 1 < merged.size(); i += 2) {
      pairs.push_back(merged[i] + merged[i + 1]);
    }
    merged.clear();
    for (std::size_t s = 0, p = 0; s < symbols.size() || p < pairs.size();) {
      const bool symbol_next =
          p == pairs.size() || (s < symbols.size() && counts[symbols[s]] <= pairs[p]);
      merged.push_back(symbol_next ? counts[symbols[s++]] : pairs[p++]);
      round.push_back(symbol_next);
    }
  }

  auto taken = static_cast<std::ptrdiff_t>(2 * symbols.size() - 2);
  for (auto round = is_symbol.rbegin(); round != is_symbol.rend(); ++round) {
    const auto cheapest = std::count(round->begin(), round->begin() + taken, true);
    for (std::ptrdiff_t i = 0; i < cheapest; ++i) ++lengths[symbols[static_cast<std::size_t>(i)]];
    taken = 2 * (taken - cheapest);
  }
  return lengths;
}

std::vector<std::uint32_t> prefix_codes(std::span<const std::uint8_t> lengths) {
  std::vector<std::uint32_t> codes(lengths.size());
  std::uint32_t next = 0;
  int length = 0;
  for (const Index symbol : in_canonical_order(lengths)) {
    next <<= lengths[symbol] - length;
    length = lengths[symbol];
    codes[symbol] = reversed(next++, length);
  }
  return codes;
}

PrefixDecoder::PrefixDecoder(std::span<const std::uint8_t> lengths)
    : symbols_(in_canonical_order(lengths)) {
  for (const Index symbol : symbols_) ++count_[lengths[symbol]];
  std::uint64_t filled = 0;  // Of the code tree, in leaves of the deepest level.
  for (int length = 1; length <= max_code_length; ++length) {
    filled += std::uint64_t{count_[static_cast<std::size_t>(length)]} << (max_code_length - length);
  }
  if (filled != std::uint64_t{1} << max_code_length) {
    fail(ErrorCode::corrupt_data, "a prefix code: lengths of {} symbols do not fill the code tree",
         symbols_.size());
  }
  const auto codes = prefix_codes(lengths);
  for (const Index symbol : symbols_) {
    const std::size_t step = std::size_t{1} << lengths[symbol];
    if (step > table_.size()) break;
    for (std::size_t i = codes[symbol]; i < table_.size(); i += step) {
      table_[i] = {symbol, lengths[symbol]};
    }
  }
}

Index PrefixDecoder::take_long(BitReader& reader, std::uint32_t bits) const {
  std::uint32_t code = 0, first = 0, before = 0;
  for (int length = 1;; ++length) {
    const std::uint32_t count = count_[static_cast<std::size_t>(length)];
    code = code << 1 | (bits >> (length - 1) & 1);
    first <<= 1;
    if (code - first < count) {
      reader.skip(length);
      return symbols_[before + code - first];
    }
    first += count;
    before += count;
  }
}

}  // namespace laconic
