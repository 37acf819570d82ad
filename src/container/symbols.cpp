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
    const std::int64_t added = shift(codebook, layout);
    const auto size = static_cast<std::int64_t>(codebook.size());
    for (std::size_t i = first; i < end; ++i) {
      const std::int64_t index = tensor.indices[i] - added;
      if (index < 0 || index >= size) {
        corrupt("weight {} has level {} of a codebook of {}", i, index, size);
      }
      tensor.indices[i] = static_cast<Index>(index);
    }
  });
}

}  // namespace laconic::container
