// What the sources for the instruction sets provide: plain functions on plain memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "laconic/kernels.h"

namespace laconic {

constexpr int panel_rows = 16;
constexpr int chunk_bytes = 64;
constexpr int max_tile_panels = 2;
constexpr int max_tile_columns = 32;
constexpr int largest_multiple = 127;  ///< Steps that a rounded level is from zero at most.

/// Quads in a chunk.
constexpr int chunk_quads(WeightForm form) {
  switch (form) {
    case WeightForm::bits1:
      return 8;
    case WeightForm::trits5:
      return 5;
    case WeightForm::bits2:
      return 4;
    case WeightForm::bits4:
      return 2;
    default:
      return 1;
  }
}

/// Codes that a form can tell apart.
constexpr int max_codes(WeightForm form) {
  switch (form) {
    case WeightForm::bits1:
      return 2;
    case WeightForm::trits5:
      return 3;
    case WeightForm::bits2:
      return 4;
    case WeightForm::bits4:
      return 16;
    default:
      return 256;
  }
}

/// What tile functions of a task keep in the CPU from call to call: the shapes of its tiles.
struct TileState {
  int columns = 0, quads = 0;  ///< 0: nothing is kept.
};

/// Columns (rows of x, or output pixels) against expanded panels.
struct TileJob {
  const std::byte* weights = nullptr;  ///< Quads of int8 or rows of 16 floats, panel by panel.
  std::int64_t panel_stride = 0;       ///< Bytes of an expanded panel.
  std::int64_t run_stride = 0;         ///< Bytes of an expanded run.
  std::int64_t segment_stride = 0;     ///< Bytes of an expanded segment.
  const std::byte* x = nullptr;        ///< The first column.
  std::int64_t column_stride = 0;      ///< Bytes.
  const std::int64_t* runs = nullptr;  ///< Where each run begins in a column, in bytes.
  std::int64_t segments = 1, segment_runs = 1;
  std::int64_t run_length = 0;     ///< Quads of bytes, or single floats.
  const float* scales = nullptr;   ///< int8: [panel][segment][16].
  int largest = largest_multiple;  ///< int8: no weight has a larger magnitude.
  float* sums = nullptr;           ///< Out: [column][panel][16].
  TileState* state = nullptr;
};

/// Expands a panel. Chunks of all its segments lie together; so do their expanded quads.
struct UnpackJob {
  const std::byte* packed = nullptr;
  std::int64_t segments = 1, segment_chunks = 0;
  const void* table = nullptr;  ///< int8 or float; of the panel's first segment if per_row.
  std::int64_t table_size = 0;  ///< Entries for a row.
  bool per_row = false;
  std::byte* out = nullptr;  ///< [segment][quad][16][4] int8, or [segment][weight][16] floats.
};

/// A few columns against packed panels: every weight is looked at once.
struct FusedJob {
  UnpackJob weights;              ///< Of the first panel; `out` is not used.
  std::int64_t panel_stride = 0;  ///< Bytes of a packed panel.
  std::int64_t panels = 0;
  const std::byte* x = nullptr;    ///< Segments filled up with zeros to whole chunks.
  std::int64_t column_stride = 0;  ///< Bytes.
  int columns = 1;
  const float* scales = nullptr;   ///< [panel][segment][16].
  int largest = largest_multiple;  ///< No weight has a larger magnitude.
  float* sums = nullptr;           ///< Out: [column][panels][16].
};

/// From sums to outputs.
struct FinishJob {
  const float* sums = nullptr;  ///< [column][panel][16].
  int panels = 1, columns = 1;
  std::int64_t rows = 0;                 ///< Outputs of a column, up to 16 a panel.
  const float* column_scales = nullptr;  ///< int8: what sums of a column are multiplied by.
  const float* column_zeros = nullptr;   ///< int8: the byte that means 0.
  std::int64_t column_step = 1;          ///< 0 if one scale and zero serve all columns.
  const float* row_sums = nullptr;       ///< int8: PackedWeights::sums.
  const float* bias = nullptr;           ///< Null, or `rows` of them.
  const float* residual = nullptr;       ///< Null, or addressed as y is.
  Nonlinearity then;
  float* y = nullptr;
  std::int64_t row_stride = 1, column_stride = 0;  ///< Of y, in floats; one of them is 1.
};

/// The range of values.
struct Range {
  float low = 0, high = 0;  ///< Zero lies within.
  bool finite = true;
};

/// How floats become bytes: byte = round(x * inverse) + zero, within 0 to 255.
struct ByteScale {
  float scale = 0, inverse = 0;
  std::int32_t zero = 0;
};

/// Indices of a codebook to codes.
struct EncodeJob {
  const std::uint8_t* codes = nullptr;     ///< One for each level,
  const std::int8_t* multiples = nullptr;  ///< and of int8 what it stands for; else null.
  std::int64_t levels = 0;
  bool even = false;  ///< Codes go up by one from level to level, and multiples by `step`.
  int step = 0;
  const std::uint16_t* indices = nullptr;  ///< Below `levels`.
  std::int64_t count = 0;
  std::uint8_t* out = nullptr;
};

/// Codes of a row of a convolution, in which taps lie innermost, to a stretch for each tap.
struct SplitJob {
  const std::uint8_t* row = nullptr;  ///< May be read up to split_reach bytes a tap behind its end.
  std::int64_t channels = 0, taps = 1;
  const std::int64_t* places = nullptr;  ///< Where the stretch of each tap begins in `out`.
  std::uint8_t* out = nullptr;
};
constexpr std::int64_t split_reach = 64;

/// The rows of a panel to its chunks.
struct DealJob {
  const std::byte* rows = nullptr;  ///< 16 of them: codes by fours, the quads, chunk by chunk,
  std::int64_t stride = 0;          ///< as many bytes as deal_stride() says for each.
  std::int64_t chunks = 0;
  int quads = 1;           ///< Of a chunk.
  std::uint32_t base = 1;  ///< What the codes of a quad count by, in units of those before.
  std::byte* out = nullptr;
};

/// Chunks that are dealt at once.
constexpr std::int64_t deal_chunks = 16;

/// An odd number of cache lines: rows then do not compete for the same ways of a cache.
constexpr std::int64_t deal_stride(std::int64_t chunks, int quads) {
  const std::int64_t lines = (chunks + deal_chunks - 1) / deal_chunks * quads;
  return (lines | 1) * chunk_bytes;
}

/// What does not depend on the form of weights. One for each instruction set.
struct IsaCode {
  std::int64_t (*encode)(const EncodeJob&);  ///< Returns the sum of the multiples.
  void (*split)(const SplitJob&);
  void (*deal)(const DealJob&);
  int tile_panels, tile_columns;  ///< What tile functions are best at, and their limits.
  int fused_columns;              ///< The limit of fused functions.
  void (*tile_int8)(const TileJob&, int panels, int columns);
  void (*tile_floats)(const TileJob&, int panels, int columns);
  void (*leave)(TileState&);  ///< Ends what tile_int8 keeps; null if it keeps nothing.
  void (*depthwise)(const TileJob&, int columns);  ///< x differs from lane to lane.
  void (*finish)(const FinishJob&);
  NonlinearityCode apply;
  void (*widen)(const float* x, std::int64_t count, Range& range);
  void (*round)(const float* x, std::int64_t count, const ByteScale& scale, std::uint8_t* bytes);
  /// Up to four rows of values, `stride` apart, to the bytes of quads, lowest first.
  void (*round_planes)(const float* x, std::int64_t stride, int planes, std::int64_t count,
                       const ByteScale& scale, std::uint32_t* quads);
};

/// What does. Functions that a kernel lacks are null: some weights are ready as they are packed,
/// some kernels are not fused.
struct KernelCode {
  const IsaCode* isa;
  void (*unpack)(const UnpackJob&);
  void (*fused)(const FusedJob&);
};

/// Of the strongest instruction set for floats that active_isa() includes.
[[nodiscard]] const IsaCode& float_code();

/// The code of a row of kernels().
[[nodiscard]] const KernelCode& code_of(const Kernel& kernel) noexcept;

}  // namespace laconic
