#include "container/symbols.h"

#include <algorithm>

#include "core/bytes.h"

namespace laconic::container {
namespace {

constexpr std::int64_t largest_alphabet = 65'536;

/// What is added to the indices of a block.
std::int64_t shift(const Codebook& codebook, const IndexLayout& layout) {
  return layout.zero < 0 ? 0 : layout.zero - codebook.zero_index();
}

/// Calls body(codebook, first, end) for the weights of each block.
template <typename Body>
void for_blocks(const QuantizedTensor& tensor, Body body) {
  const std::size_t count = tensor.indices.size();
  std::size_t first = 0;
  for (const Codebook& codebook : tensor.codebooks) {
    const auto end = std::min(count, first + static_cast<std::size_t>(tensor.block_size));
    body(codebook, first, end);
    first = end;
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
  for_blocks(tensor, [&](const Codebook& codebook, std::size_t first, std::size_t end) {
    const std::int64_t added = shift(codebook, layout);
    for (std::size_t i = first; i < end; ++i) symbols[i] = static_cast<Index>(symbols[i] + added);
  });
  return symbols;
}

void from_symbols(QuantizedTensor& tensor, const IndexLayout& layout) {
  for_blocks(tensor, [&](const Codebook& codebook, std::size_t first, std::size_t end) {
    const auto added = static_cast<Index>(shift(codebook, layout));
    const std::size_t size = codebook.size();
    // What is below zero wraps to 65,536 - added at least, which no codebook of the alphabet
    // reaches: one comparison, of the largest, serves both ends of a block.
    Index largest = 0;
    for (std::size_t i = first; i < end; ++i) {
      const auto index = static_cast<Index>(tensor.indices[i] - added);
      tensor.indices[i] = index;
      largest = std::max(largest, index);
    }
    if (largest < size) return;
    for (std::size_t i = first; i < end; ++i) {
      if (tensor.indices[i] < size) continue;
      const int symbol = static_cast<Index>(tensor.indices[i] + added);
      corrupt("weight {} has level {} of a codebook of {}", i, symbol - int{added}, size);
    }
  });
}

}  // namespace laconic::container
