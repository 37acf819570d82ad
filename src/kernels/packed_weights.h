// How weights lie in memory once they are packed, the same for every instruction set.
//
// Rows of the weight matrix are dealt into panels of 16, one row to a 32-bit lane. A quad is four
// consecutive weights of each row of a panel, 64 codes of a byte: byte 4 r + j is weight j of row
// r, as products of bytes summed by fours want them. A chunk is 64 bytes that hold as many quads as
// fit: the codes of a quad lie one to a byte, those of the next quad in the bits above.
//
//   form     bits1  trits5  bits2  bits4  bits8
//   quads        8       5      4      2      1   in a chunk
//
// (trits5: byte = c0 + 3 c1 + 9 c2 + 27 c3 + 81 c4.) The sum of an output runs over runs: stretches
// of x that lie together, one for a linear layer, one for each tap of a convolution. Each run is
// filled up to whole quads. Runs form segments, at whose ends the scales change; a segment is
// filled up to whole chunks. Weights that fill are of code 0, whatever that means: they meet no x.
//
// Panels of WeightForm::floats are [run][weight][16] floats without fillings.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/code.h"
#include "laconic/kernels.h"

namespace laconic {

/// Where the numbers of a row of weights come from and how they are summed.
struct Reduction {
  std::int64_t channels = 0;  ///< Weights of a run: input features, or input channels of a group.
  std::int64_t taps = 1;      ///< Positions in the window of a convolution, stored innermost.
  std::int64_t segments = 1;
  std::int64_t segment_runs = 1;
  std::int64_t run_length = 0;  ///< Weights of a run.

  [[nodiscard]] std::int64_t weights() const { return channels * taps; }
  [[nodiscard]] std::int64_t runs() const { return segments * segment_runs; }
  [[nodiscard]] std::int64_t run_quads() const { return (run_length + 3) / 4; }
  [[nodiscard]] std::int64_t segment_quads() const { return segment_runs * run_quads(); }
  [[nodiscard]] std::int64_t segment_chunks(int chunk_quads) const {
    return (segment_quads() + chunk_quads - 1) / chunk_quads;
  }
};

/// Which codes mean what.
enum class Tables : std::uint8_t {
  shared,     ///< One table for all weights.
  per_row,    ///< One for each row of each segment.
  per_block,  ///< As the tensor has it: blocks that are no whole stretches of rows. Exact forms
              ///< only.
};

struct PackedWeights {
  const Kernel* kernel = nullptr;
  const KernelCode* code = nullptr;

  std::int64_t out = 0;         ///< Rows in all.
  std::int64_t groups = 1;      ///< Groups of rows that see channels of their own.
  std::int64_t group_rows = 0;  ///< out / groups.
  Reduction reduction;
  ConvGeometry geometry;                        ///< Of convolutions.
  std::array<std::int64_t, 2> window = {1, 1};  ///< Of convolutions: height and width.
  bool depthwise = false;  ///< Each output channel sees one input channel; the taps are one run.
  float weight_error = 0;

  std::int64_t panel_bytes = 0;
  AlignedVector<std::byte> data;   ///< [group][panel][segment][chunk].
  AlignedVector<float> scales;     ///< int8: [group][panel][segment][16], a step each.
  AlignedVector<float> sums;       ///< int8: [group][panel][16], the sum of a row's weights.
  int largest = largest_multiple;  ///< int8: no weight is more steps from zero.

  Tables tables = Tables::shared;
  std::int64_t table_size = 0;             ///< Entries of a table.
  AlignedVector<std::int8_t> int8_tables;  ///< [table_size], or [group][panel][segment][16][size].
  AlignedVector<float> float_tables;       ///< The same, or the tensor's codebooks one by one.
  std::int64_t block_size = 0;             ///< Of Tables::per_block.

  [[nodiscard]] std::int64_t group_panels() const { return (group_rows + 15) / 16; }
  [[nodiscard]] std::int64_t panels() const { return groups * group_panels(); }
  [[nodiscard]] std::size_t bytes() const {
    return data.size() + int8_tables.size() +
           sizeof(float) * (scales.size() + sums.size() + float_tables.size());
  }
};

}  // namespace laconic
