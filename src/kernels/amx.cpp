// Kernels for AMX, which multiplies tiles of bytes: 16 columns by up to 64 weights of 16 rows at
// once. An expanded panel is such a tile as it stands, 16 quads of it at a time. All but products
// is AVX-512's.

#include "kernels/avx512_vectors.h"
#include "kernels/avx512_weights.h"
#include "kernels/fused.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

constexpr int tile_rows = 16;
constexpr int tile_quads = 16;  ///< Of a tile of weights, or of a row of a tile of bytes.

/// What ldtilecfg reads.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1, start_row = 0, unused[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  void set(int tile, int count, int bytes) {
    rows[tile] = static_cast<std::uint8_t>(count);
    row_bytes[tile] = static_cast<std::uint16_t>(bytes);
  }
};

/// Gives all tiles their shapes, unless they have them: that takes as long as a dozen products.
/// Tiles 0 to 3 are sums, of strip s (16 columns) and panel p number 2 s + p; 4 and 5 bytes of a
/// strip each; 6 and 7 weights of a panel each.
void shape_tiles(TileState& state, int columns, int quads) {
  if (state.columns == columns && state.quads == quads) return;
  TileShapes shapes;
  for (int tile = 0; tile < 4; ++tile) shapes.set(tile, columns, 64);
  for (int tile = 4; tile < 6; ++tile) shapes.set(tile, columns, 4 * quads);
  for (int tile = 6; tile < 8; ++tile) shapes.set(tile, quads, 64);
  _tile_loadconfig(&shapes);
  state = {columns, quads};
}

void leave(TileState& state) {
  if (state.columns > 0) _tile_release();
  state = {};
}

template <int panels, int strips>
struct Tiles {
  /// Adds the products of as many quads as the tiles' shapes say.
  static void multiply(const std::byte* x, std::int64_t second, std::int64_t stride,
                       const std::byte* w, std::int64_t panel_stride) {
    _tile_loadd(4, x, stride);
    _tile_loadd(6, w, chunk_bytes);
    _tile_dpbusd(0, 4, 6);
    if constexpr (panels == 2) {
      _tile_loadd(7, w + panel_stride, chunk_bytes);
      _tile_dpbusd(1, 4, 7);
    }
    if constexpr (strips == 2) {
      _tile_loadd(5, x + second * stride, stride);
      _tile_dpbusd(2, 5, 6);
      if constexpr (panels == 2) _tile_dpbusd(3, 5, 7);
    }
  }

  static void clear() {
    _tile_zero(0);
    if constexpr (panels == 2) _tile_zero(1);
    if constexpr (strips == 2) _tile_zero(2);
    if constexpr (strips == 2 && panels == 2) _tile_zero(3);
  }

  /// `sums` are [column][panel][16].
  static void load(const std::int32_t* sums, std::int64_t second) {
    const std::int32_t* strip = sums + second * panels * panel_rows;
    _tile_loadd(0, sums, row);
    if constexpr (panels == 2) _tile_loadd(1, sums + panel_rows, row);
    if constexpr (strips == 2) _tile_loadd(2, strip, row);
    if constexpr (strips == 2 && panels == 2) _tile_loadd(3, strip + panel_rows, row);
  }
  static void store(std::int32_t* sums, std::int64_t second) {
    std::int32_t* strip = sums + second * panels * panel_rows;
    _tile_stored(0, sums, row);
    if constexpr (panels == 2) _tile_stored(1, sums + panel_rows, row);
    if constexpr (strips == 2) _tile_stored(2, strip, row);
    if constexpr (strips == 2 && panels == 2) _tile_stored(3, strip + panel_rows, row);
  }

 private:
  static constexpr int row = panels * panel_rows * 4;
};

/// How the quads of a run are cut: `steps` of `quads` each, and `rest` behind them.
struct Cut {
  int quads = 0, rest = 0;
  std::int64_t steps = 0;
};

/// Without a rest where tiles that are half full at least allow it: shapes then change only once.
Cut cut(std::int64_t length) {
  if (length <= tile_quads) return {static_cast<int>(length), 0, 1};
  for (int quads = tile_quads; quads >= tile_quads / 2; --quads) {
    if (length % quads == 0) return {quads, 0, length / quads};
  }
  return {tile_quads, static_cast<int>(length % tile_quads), length / tile_quads};
}

/// Adds the products of `steps` times `quads` quads of each run of a segment, from quad `first` on.
template <int panels, int strips>
void add_runs(const TileJob& job, std::int64_t second, int segment, std::int64_t first, int quads,
              std::int64_t steps) {
  for (int r = 0; r < job.segment_runs; ++r) {
    const std::byte* w = job.weights + segment * job.segment_stride + r * job.run_stride;
    const std::byte* x = job.x + job.runs[segment * job.segment_runs + r];
    for (std::int64_t step = 0; step < steps; ++step) {
      const std::int64_t quad = first + step * quads;
      Tiles<panels, strips>::multiply(x + 4 * quad, second, job.column_stride,
                                      w + chunk_bytes * quad, job.panel_stride);
    }
  }
}

template <int panels, int strips>
void tile_sums(const TileJob& job, int columns) {
  using T = Tiles<panels, strips>;
  alignas(64) std::int32_t sums[strips * tile_rows * panels * panel_rows];
  const int rows = columns < tile_rows ? columns : tile_rows;
  const int second = columns - rows;  // Strips may overlap.
  const Cut cuts = cut(job.run_length);
  for (int s = 0; s < job.segments; ++s) {
    shape_tiles(*job.state, rows, cuts.quads);
    T::clear();
    add_runs<panels, strips>(job, second, s, 0, cuts.quads, cuts.steps);
    T::store(sums, second);
    if (cuts.rest > 0) {
      shape_tiles(*job.state, rows, cuts.rest);
      T::load(sums, second);
      add_runs<panels, strips>(job, second, s, cuts.quads * cuts.steps, cuts.rest, 1);
      T::store(sums, second);
    }
    for (int p = 0; p < panels; ++p) {
      const auto scale = Avx512::load_floats(job.scales + (p * job.segments + s) * panel_rows);
      for (int c = 0; c < columns; ++c) {
        const int at = (c * panels + p) * panel_rows;
        const auto part = Avx512::mul(_mm512_cvtepi32_ps(_mm512_load_si512(sums + at)), scale);
        Avx512::store_floats(job.sums + at,
                             s == 0 ? part : Avx512::add(Avx512::load_floats(job.sums + at), part));
      }
    }
  }
}

void tile_int8(const TileJob& job, int panels, int columns) {
  const bool two = columns > tile_rows;
  if (panels == 1) {
    two ? tile_sums<1, 2>(job, columns) : tile_sums<1, 1>(job, columns);
  } else {
    two ? tile_sums<2, 2>(job, columns) : tile_sums<2, 1>(job, columns);
  }
}

constexpr IsaCode make_isa_code() {
  IsaCode code = isa_code_of<Avx512>();
  code.tile_panels = 2;
  code.tile_columns = 2 * tile_rows;
  code.tile_int8 = tile_int8;
  code.leave = leave;
  return code;
}

constexpr IsaCode isa_code = make_isa_code();

template <WeightForm form>
constexpr KernelCode kernel_code() {
  if constexpr (form == WeightForm::bits8) {
    return {&isa_code, nullptr, fused<Avx512, PlainWeights>};
  } else {
    return {&isa_code, unpack_int8<form>, fused<Avx512, SharedWeights<form>>};
  }
}

}  // namespace

#define LACONIC_AMX(form, activations) \
  extern const KernelCode form##_##activations##_amx_code = kernel_code<WeightForm::form>();
#include "kernels/kernels.inc"

}  // namespace laconic
