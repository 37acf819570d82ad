// Rows of indices to rows of codes.

#pragma once

#include <cstdint>
#include <span>

#include "kernels/code.h"
#include "kernels/code_maps.h"

namespace laconic {

class RowEncoder {
 public:
  /// `whole` says that blocks are whole rows or equal parts of rows; other blocks get, of int8, a
  /// step for each row. The maps must outlive the encoder.
  RowEncoder(const CodeMaps& maps, const IsaCode& isa, std::int64_t row_weights,
             std::int64_t block_weights, bool int8, bool whole)
      : maps_(maps),
        isa_(isa),
        row_(row_weights),
        block_(block_weights),
        own_steps_(int8 && !whole) {}

  struct Row {
    float step = 0;   ///< Of rows that have one of their own.
    float error = 0;  ///< The largest of a weight.
    double sum = 0;   ///< int8: of the weights as they are rounded.
  };

  /// Writes the codes of a row's indices, in the tensor's order.
  Row encode(std::int64_t row, std::span<const Index> indices, std::span<std::uint8_t> codes) const;

 private:
  [[nodiscard]] float step_of_row(std::int64_t row) const;

  const CodeMaps& maps_;
  const IsaCode& isa_;
  std::int64_t row_, block_;
  bool own_steps_;
};

}  // namespace laconic
