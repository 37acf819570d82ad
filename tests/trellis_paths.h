// Puts indices on paths of the trellis, for tests of what codes them.

#pragma once

#include <algorithm>

#include "core/trellis.h"

namespace laconic::testing {

/// Moves each value that the trellis does not admit one towards zero.
inline void put_on_paths(std::span<Index> indices, const Shape& shape, Index zero) {
  const auto length =
      static_cast<std::size_t>(std::max<std::int64_t>(1, trellis::path_length(shape)));
  trellis::State state = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (i % length == 0) state = 0;
    int value = indices[i] - zero;
    if (!trellis::has(trellis::is_odd(state), value)) value -= value > 0 ? 1 : -1;
    state = trellis::after(state, value);
    indices[i] = static_cast<Index>(value + zero);
  }
}

inline QuantizedTensor on_paths(QuantizedTensor tensor) {
  const auto zero = tensor.codebooks.at(0).zero_index();
  put_on_paths(tensor.indices, tensor.shape, static_cast<Index>(zero));
  return tensor;
}

/// Each block's values counted from its own zero.
inline bool is_on_paths(const QuantizedTensor& tensor) {
  const auto length = static_cast<std::size_t>(trellis::path_length(tensor.shape));
  trellis::State state = 0;
  for (std::size_t i = 0; i < tensor.indices.size(); ++i) {
    if (i % length == 0) state = 0;
    const auto block = i / static_cast<std::size_t>(tensor.block_size);
    const int value = tensor.indices[i] - static_cast<int>(tensor.codebooks[block].zero_index());
    if (!trellis::has(trellis::is_odd(state), value)) return false;
    state = trellis::after(state, value);
  }
  return true;
}

}  // namespace laconic::testing
