// Indices as coders see them. Blocks with codebooks of different sizes are shifted so that the
// level 0 is the same symbol in all of them: coders can then take contexts across blocks.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "laconic/coder.h"
#include "laconic/quantized_tensor.h"

namespace laconic::container {

/// The alphabet that holds the aligned indices of all blocks. Where some block has no level 0, or
/// the alphabet would have more than 65,536 symbols, symbols are the indices themselves.
[[nodiscard]] IndexLayout symbol_layout(const Shape& shape, std::span<const Codebook> codebooks);

/// The symbols of a valid tensor, in the order of its weights.
[[nodiscard]] std::vector<Index> to_symbols(const QuantizedTensor& tensor,
                                            const IndexLayout& layout);

/// Turns symbols of the weights from `first` on into indices. Throws Error(corrupt_data) where one
/// is not in its block's codebook.
void from_symbols(std::span<Index> symbols, std::int64_t first, std::int64_t block_size,
                  std::span<const Codebook> codebooks, const IndexLayout& layout);

}  // namespace laconic::container
