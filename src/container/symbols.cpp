#include "container/symbols.h"

#include <algorithm>
#include <utility>

#include "core/bytes.h"

namespace laconic::container {
namespace {

constexpr std::int64_t largest_alphabet = 65'536;

/// What is added to the indices of a block.
std::int64_t shift(const Codebook& codebook, const IndexLayout& layout) {
  return layout.zero < 0 ? 0 : layout.zero - codebook.zero_index();
}

/// Returns the largest difference. What is below zero wraps to 65,536 - subtrahend at least, which
/// no codebook of the alphabet reaches: one comparison, of the largest, serves both ends of a
/// block.
Index subtract(std::span<Index> symbols, Index subtrahend) {
  Index largest = 0;
  if (subtrahend == 0) {  // As with a joint codebook: nothing needs to be stored.
    for (const Index symbol : symbols) largest = std::max(largest, symbol);
    return largest;
  }
  for (Index& symbol : symbols) {
    symbol = static_cast<Index>(symbol - subtrahend);
    largest = std::max(largest, symbol);
  }
  return largest;
}

/// Calls body(codebook, first, end) for each block of weights `from` to `to`, or its part in them.
template <typename Body>
void for_blocks(std::int64_t from, std::int64_t to, std::int64_t block_size,
                std::span<const Codebook> codebooks, Body body) {
  while (from < to) {
    const std::int64_t block = from / block_size;
    const std::int64_t end = std::min(to, (block + 1) * block_size);
    body(codebooks[static_cast<std::size_t>(block)], from, end);
    from = end;
  }
}

}  // namespace

IndexLayout symbol_layout(const Shape& shape, std::span<const Codebook> codebooks) {
  std::int64_t below = 0;   // Most levels below zero in any block,
  std::int64_t above = 1;   // and most from zero on.
  std::int64_t levels = 1;  // Most levels.
  bool aligned = !codebooks.empty();
  for (const Codebook& codebook : codebooks) {
    const std::int64_t zero = codebook.zero_index();
    const auto size = static_cast<std::int64_t>(codebook.size());
    aligned = aligned && zero >= 0;
    below = std::max(below, zero);
    above = std::max(above, size - zero);
    levels = std::max(levels, size);
  }
  if (aligned && below + above <= largest_alphabet) return {shape, below + above, below};
  return {shape, levels, -1};
}

std::vector<Index> to_symbols(const QuantizedTensor& tensor, const IndexLayout& layout) {
  std::vector<Index> symbols(tensor.indices);
  for_blocks(0, std::ssize(symbols), tensor.block_size, tensor.codebooks,
             [&](const Codebook& codebook, std::int64_t first, std::int64_t end) {
               const std::int64_t added = shift(codebook, layout);
               for (auto i = static_cast<std::size_t>(first); std::cmp_less(i, end); ++i) {
                 symbols[i] = static_cast<Index>(symbols[i] + added);
               }
             });
  return symbols;
}

void from_symbols(std::span<Index> symbols, std::int64_t first, std::int64_t block_size,
                  std::span<const Codebook> codebooks, const IndexLayout& layout) {
  const auto check = [&](const Codebook& codebook, std::int64_t from, std::int64_t to) {
    const auto added = static_cast<Index>(shift(codebook, layout));
    const std::size_t size = codebook.size();
    const auto part = symbols.subspan(static_cast<std::size_t>(from - first),
                                      static_cast<std::size_t>(to - from));
    if (subtract(part, added) < size) return;
    const auto bad = std::ranges::find_if(part, [&](Index index) { return index >= size; });
    const int symbol = static_cast<Index>(*bad + added);
    corrupt("weight {} has level {} of a codebook of {}", from + (bad - part.begin()),
            symbol - int{added}, size);
  };
  for_blocks(first, first + std::ssize(symbols), block_size, codebooks, check);
}

}  // namespace laconic::container
