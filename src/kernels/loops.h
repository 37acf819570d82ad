// The loops of all instruction sets, over a small set of vector operations `V`. For sources that
// are compiled with flags of their own; hence everything has internal linkage, and nothing of the
// standard library is called: the linker might keep a copy that other CPUs cannot run.
//
// V has Acc (16 sums of int32), Floats (16 floats), Bytes (a quad: 64 bytes) and
//   Acc zero(); Acc dot(Acc, Bytes x, Bytes w): adds products of unsigned and signed bytes by fours
//   Bytes load(p), repeat(p): 64 bytes, or 4 bytes 16 times; void store(p, Bytes)
//   Floats floats(Acc), load_floats(p), repeat_float(p), add, sub, mul, div,
//   multiply_add(a, b, sum); select_below(x, bound, below, other): by x < bound
//   Floats power_of_two(x): 2^n, n the low bits of x, which are those of a float near 1.5 * 2^23
//   Floats load_part(p, count), clip(Floats, low, high); void store_part(p, count, Floats)
//   transpose(from, stride, columns, to): columns of 16 floats, `stride` apart, to 16 rows of 16
//   int64 encode(EncodeJob), split(SplitJob): as IsaCode has them
// and the sizes of its best tile.

#pragma once

#include "kernels/code.h"
#include "kernels/nonlinearities.h"
#include "kernels/pack_loops.h"

namespace laconic {
namespace {

/// Sums of integers, turned into floats where scales change.
template <class V, int panels, int columns>
void tile_int8(const TileJob& job) {
  for (int s = 0; s < job.segments; ++s) {
    typename V::Acc acc[columns][panels];
    for (auto& column : acc) {
      for (auto& sum : column) sum = V::zero();
    }
    for (int r = 0; r < job.segment_runs; ++r) {
      const std::byte* w = job.weights + s * job.segment_stride + r * job.run_stride;
      // Three columns to a base: addresses then need few registers.
      const std::byte* x[(columns + 2) / 3];
      for (int c = 0; c < columns; c += 3) {
        x[c / 3] = job.x + job.runs[s * job.segment_runs + r] + c * job.column_stride;
      }
      for (std::int64_t q = 0; q < job.run_length; ++q) {
        typename V::Bytes weights[panels];
        for (int p = 0; p < panels; ++p) {
          V::prefetch(w + p * job.panel_stride + V::tile_prefetch_distance);
          weights[p] = V::load(w + p * job.panel_stride);
        }
        for (int c = 0; c < columns; ++c) {
          const auto bytes = V::repeat(x[c / 3] + c % 3 * job.column_stride);
          for (int p = 0; p < panels; ++p) acc[c][p] = V::dot(acc[c][p], bytes, weights[p]);
        }
        w += chunk_bytes;
        for (auto& base : x) base += 4;
      }
    }
    for (int p = 0; p < panels; ++p) {
      const auto scale = V::load_floats(job.scales + (p * job.segments + s) * panel_rows);
      for (int c = 0; c < columns; ++c) {
        float* sum = job.sums + (c * panels + p) * panel_rows;
        const auto part = V::mul(V::floats(acc[c][p]), scale);
        V::store_floats(sum, s == 0 ? part : V::add(V::load_floats(sum), part));
      }
    }
  }
}

template <class V, int panels, int columns>
void tile_floats(const TileJob& job) {
  typename V::Floats sum[columns][panels];
  for (auto& column : sum) {
    for (auto& value : column) value = V::zero_floats();
  }
  for (std::int64_t r = 0; r < job.segments * job.segment_runs; ++r) {
    const std::byte* w = job.weights + r / job.segment_runs * job.segment_stride +
                         r % job.segment_runs * job.run_stride;
    const std::byte* x[(columns + 2) / 3];
    for (int c = 0; c < columns; c += 3) x[c / 3] = job.x + job.runs[r] + c * job.column_stride;
    for (std::int64_t k = 0; k < job.run_length; ++k) {
      typename V::Floats weights[panels];
      for (int p = 0; p < panels; ++p) {
        weights[p] = V::load_floats(reinterpret_cast<const float*>(w + p * job.panel_stride));
      }
      for (int c = 0; c < columns; ++c) {
        const auto value =
            V::repeat_float(reinterpret_cast<const float*>(x[c / 3] + c % 3 * job.column_stride));
        for (int p = 0; p < panels; ++p) sum[c][p] = V::multiply_add(value, weights[p], sum[c][p]);
      }
      w += panel_rows * sizeof(float);
      for (auto& base : x) base += sizeof(float);
    }
  }
  for (int c = 0; c < columns; ++c) {
    for (int p = 0; p < panels; ++p) {
      V::store_floats(job.sums + (c * panels + p) * panel_rows, sum[c][p]);
    }
  }
}

template <class V, int columns>
void depthwise_columns(const TileJob& job, int first) {
  typename V::Floats sum[columns];
  for (auto& value : sum) value = V::zero_floats();
  const auto* w = reinterpret_cast<const float*>(job.weights);
  for (std::int64_t k = 0; k < job.run_length; ++k, w += panel_rows) {
    const auto weights = V::load_floats(w);
    const std::byte* x = job.x + job.runs[k] + first * job.column_stride;
    for (auto& value : sum) {
      value = V::multiply_add(V::load_floats(reinterpret_cast<const float*>(x)), weights, value);
      x += job.column_stride;
    }
  }
  for (int c = 0; c < columns; ++c) V::store_floats(job.sums + (first + c) * panel_rows, sum[c]);
}

template <class V>
void depthwise(const TileJob& job, int columns) {
  int c = 0;
  if constexpr (V::tile_columns >= 8) {  // Registers hold so many sums.
    for (; c + 8 <= columns; c += 8) depthwise_columns<V, 8>(job, c);
  }
  for (; c + 4 <= columns; c += 4) depthwise_columns<V, 4>(job, c);
  for (; c < columns; ++c) depthwise_columns<V, 1>(job, c);
}

/// Calls the instance for so many panels and columns.
template <class V, bool int8, int panels, int columns>
void tile_of(const TileJob& job, int wanted_panels, int wanted_columns) {
  if constexpr (panels > 1) {
    if (wanted_panels < panels) {
      return tile_of<V, int8, panels - 1, columns>(job, wanted_panels, wanted_columns);
    }
  }
  if constexpr (columns > 1) {
    if (wanted_columns < columns) {
      return tile_of<V, int8, panels, columns - 1>(job, wanted_panels, wanted_columns);
    }
  }
  if constexpr (int8) {
    tile_int8<V, panels, columns>(job);
  } else {
    tile_floats<V, panels, columns>(job);
  }
}

template <class V, bool int8>
void tile(const TileJob& job, int panels, int columns) {
  tile_of<V, int8, V::tile_panels, V::tile_columns>(job, panels, columns);
}

/// In the compiler's own vectors, as blocks of 4x4. Inlined, as most callers have all columns.
inline __attribute__((always_inline)) void transpose_plain(const float* from, std::int64_t stride,
                                                           int columns, float* to) {
  using Four = float __attribute__((vector_size(16)));
  for (int c = 0; c < columns; c += 4) {
    for (int r = 0; r < panel_rows; r += 4) {
      Four column[4] = {};
      for (int i = 0; i < 4 && c + i < columns; ++i) {
        __builtin_memcpy(&column[i], from + (c + i) * stride + r, sizeof column[i]);
      }
      const Four low01 = __builtin_shufflevector(column[0], column[1], 0, 4, 1, 5);
      const Four low23 = __builtin_shufflevector(column[2], column[3], 0, 4, 1, 5);
      const Four high01 = __builtin_shufflevector(column[0], column[1], 2, 6, 3, 7);
      const Four high23 = __builtin_shufflevector(column[2], column[3], 2, 6, 3, 7);
      const Four row[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                           __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                           __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                           __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
      for (int i = 0; i < 4; ++i) {
        __builtin_memcpy(to + 16 * (r + i) + c, &row[i], sizeof row[i]);
      }
    }
  }
}

/// Outputs of a panel; the last one may have fewer than 16.
inline int rows_of(const FinishJob& job, int panel) {
  const std::int64_t rows = job.rows - panel * panel_rows;
  return static_cast<int>(rows < panel_rows ? rows : panel_rows);
}

/// From the sums of a panel to its outputs: scale, zero and bias, one rounding each, so that all
/// instruction sets store the same bits.
template <class V>
class PanelFinish {
 public:
  PanelFinish(const FinishJob& job, int panel)
      : job_(job), rows_(rows_of(job, panel)), sums_(job.sums + panel * panel_rows) {
    if (job.bias != nullptr) bias_ = V::load_part(job.bias + panel * panel_rows, rows_);
    if (job.row_sums != nullptr) row_sums_ = V::load_floats(job.row_sums + panel * panel_rows);
    if (job.column_scales != nullptr) take_scale(0);
  }

  [[nodiscard]] int rows() const { return rows_; }

  /// Outputs of a column, but for residual and function.
  inline __attribute__((always_inline)) typename V::Floats column(int c) {
    auto value = V::load_floats(sums_ + c * job_.panels * panel_rows);
    if (job_.column_scales != nullptr) {
      if (job_.column_step != 0) take_scale(c);
      value = V::mul(V::sub(value, shift_), scale_);
    }
    return job_.bias != nullptr ? V::add(value, bias_) : value;
  }

 private:
  void take_scale(int c) {
    shift_ = V::mul(V::repeat_float(job_.column_zeros + c * job_.column_step), row_sums_);
    scale_ = V::repeat_float(job_.column_scales + c * job_.column_step);
  }

  const FinishJob job_;  ///< A copy: outputs might alias the original.
  int rows_;
  const float* sums_;
  typename V::Floats bias_ = V::zero_floats(), row_sums_ = V::zero_floats();
  typename V::Floats shift_ = V::zero_floats(), scale_ = V::zero_floats();
};

/// Residual, function and store of `count` outputs that lie together.
template <class V, typename Function>
inline __attribute__((always_inline)) void store_outputs(const FinishJob& job,
                                                         const Function& function,
                                                         typename V::Floats value, std::int64_t to,
                                                         int count) {
  if (job.residual != nullptr) value = V::add(value, V::load_part(job.residual + to, count));
  V::store_part(job.y + to, count, function(value));
}

template <class V, typename Function>
void finish_with(const FinishJob& job, const Function& function) {
  for (int p = 0; p < job.panels && rows_of(job, p) > 0; ++p) {
    PanelFinish<V> panel(job, p);
    const std::int64_t first = p * panel_rows * job.row_stride;
    if (job.row_stride == 1) {
      for (int c = 0; c < job.columns; ++c) {
        store_outputs<V>(job, function, panel.column(c), first + c * job.column_stride,
                         panel.rows());
      }
      continue;
    }
    for (int c = 0; c < job.columns; c += 16) {
      const int columns = job.columns - c < 16 ? job.columns - c : 16;
      alignas(64) float values[16 * panel_rows], turned[panel_rows * 16];
      for (int i = 0; i < columns; ++i)
        V::store_floats(values + i * panel_rows, panel.column(c + i));
      V::transpose(values, panel_rows, columns, turned);
      for (int r = 0; r < panel.rows(); ++r) {
        store_outputs<V>(job, function, V::load_floats(turned + r * 16),
                         first + r * job.row_stride + c, columns);
      }
    }
  }
}

template <class V>
void finish(const FinishJob& given) {
  const FinishJob job = given;
  with_function<V>(job.then, [&](auto function) { finish_with<V>(job, function); });
}

/// Floats as integers in the same order, of which the compiler vectorizes minimum and maximum; what
/// is not finite lies beyond the ends.
inline std::int32_t order_key(float value) {
  const auto bits = __builtin_bit_cast(std::int32_t, value);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

inline float from_order_key(std::int32_t key) {
  return __builtin_bit_cast(float, key ^ ((key >> 31) & 0x7fffffff));
}

inline void widen(const float* x, std::int64_t count, Range& range) {
  std::int32_t low = order_key(range.low), high = order_key(range.high);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t key = order_key(x[i]);
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  const std::int32_t infinity = order_key(__builtin_inff());
  if (high >= infinity || low <= order_key(-__builtin_inff())) {
    range.finite = false;
  } else {
    range.low = from_order_key(low);
    range.high = from_order_key(high);
  }
}

/// Adding 1.5 * 2^23 rounds to a whole number, ties to even, and leaves it in the low bits.
inline std::uint32_t round_byte(float x, const ByteScale& scale) {
  constexpr float shift = 12582912.0f;
  const auto bits = __builtin_bit_cast(std::int32_t, x * scale.inverse + shift);
  std::int32_t byte = bits - (__builtin_bit_cast(std::int32_t, shift) - scale.zero);
  byte = byte < 0 ? 0 : byte;
  return static_cast<std::uint32_t>(byte > 255 ? 255 : byte);
}

inline void round_bytes(const float* x, std::int64_t count, const ByteScale& scale,
                        std::uint8_t* bytes) {
  const ByteScale by = scale;  // Bytes might alias the original.
  for (std::int64_t i = 0; i < count; ++i)
    bytes[i] = static_cast<std::uint8_t>(round_byte(x[i], by));
}

template <int planes>
void round_some_planes(const float* x, std::int64_t stride, std::int64_t count,
                       const ByteScale& scale, std::uint32_t* quads) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t quad = 0;
    for (int j = 0; j < planes; ++j) quad |= round_byte(x[j * stride + i], scale) << 8 * j;
    quads[i] = quad;
  }
}

inline void round_planes(const float* x, std::int64_t stride, int planes, std::int64_t count,
                         const ByteScale& scale, std::uint32_t* quads) {
  switch (planes) {
    case 1:
      return round_some_planes<1>(x, stride, count, scale, quads);
    case 2:
      return round_some_planes<2>(x, stride, count, scale, quads);
    case 3:
      return round_some_planes<3>(x, stride, count, scale, quads);
    default:
      return round_some_planes<4>(x, stride, count, scale, quads);
  }
}

template <class V>
constexpr IsaCode isa_code_of() {
  return {.encode = V::encode,
          .split = V::split,
          .deal = deal<V>,
          .tile_panels = V::tile_panels,
          .tile_columns = V::tile_columns,
          .fused_columns = V::fused_columns,
          .tile_int8 = tile<V, true>,
          .tile_floats = tile<V, false>,
          .leave = nullptr,
          .depthwise = depthwise<V>,
          .finish = finish<V>,
          .apply = apply<V>,
          .widen = widen,
          .round = round_bytes,
          .round_planes = round_planes};
}

}  // namespace
}  // namespace laconic
