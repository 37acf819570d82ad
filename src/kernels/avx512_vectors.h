// The operations on AVX-512 registers that the loops of all instruction sets are written over.

#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/avx512_encode.h"
#include "kernels/avx512_split.h"

namespace laconic {
namespace {

struct Avx512 {
  static constexpr int tile_panels = 2;
  static constexpr int tile_columns = 12;
  static constexpr int fused_panels = 4;
  static constexpr int fused_columns = 4;
  static constexpr int prefetch_distance = 2048;
  static constexpr int tile_prefetch_distance = 512;

  using Acc = __m512i;
  using Bytes = __m512i;
  using Floats = __m512;

  static Acc zero() { return _mm512_setzero_si512(); }
  static Floats zero_floats() { return _mm512_setzero_ps(); }

  /// GCC 12 copies the sum before and after its intrinsic for this instruction, which halves the
  /// speed of a tile.
  static Acc dot(Acc sum, Bytes x, Bytes w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
  static Acc add_sums(Acc a, Acc b) { return _mm512_add_epi32(a, b); }

  static Bytes load(const std::byte* from) { return _mm512_loadu_si512(from); }
  static Bytes repeat(const std::byte* from) {
    std::int32_t four;
    __builtin_memcpy(&four, from, 4);
    return _mm512_set1_epi32(four);
  }
  static void prefetch(const std::byte* from) { _mm_prefetch(from, _MM_HINT_T0); }

  static Floats floats(Acc sum) { return _mm512_cvtepi32_ps(sum); }
  static Floats load_floats(const float* from) { return _mm512_loadu_ps(from); }
  static void store_floats(float* to, Floats from) { _mm512_storeu_ps(to, from); }
  static Floats repeat_float(const float* from) { return _mm512_set1_ps(*from); }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
  static Floats power_of_two(Floats x) {
    const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(x), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(0x3f800000)));
  }
  static Floats select_below(Floats x, float bound, Floats below, Floats other) {
    const auto mask = _mm512_cmp_ps_mask(x, _mm512_set1_ps(bound), _CMP_LT_OQ);
    return _mm512_mask_blend_ps(mask, other, below);
  }
  static Floats clip(Floats value, float low, float high) {
    // Of two operands of which one is NaN, these return the second.
    const Floats raised = _mm512_max_ps(_mm512_set1_ps(low), value);
    return _mm512_min_ps(_mm512_set1_ps(high), raised);
  }
  static __mmask16 first(int count) { return static_cast<__mmask16>((1u << count) - 1); }
  static Floats load_part(const float* from, int count) {
    return _mm512_maskz_loadu_ps(first(count), from);
  }
  static void store_part(float* to, int count, Floats from) {
    _mm512_mask_storeu_ps(to, first(count), from);
  }

  /// Columns in four, four apart, to registers of 4x4 blocks that are then turned.
  static void transpose(const float* from, std::int64_t stride, int columns, float* to) {
    for (int r = 0; r < 16; r += 4) {
      // Part p of block b: rows r to r + 3 of column 4 p + b.
      __m512 block[4];
      for (int b = 0; b < 4; ++b) {
        block[b] = _mm512_castps128_ps512(column_part(from, stride, columns, r, b));
        block[b] = _mm512_insertf32x4(block[b], column_part(from, stride, columns, r, 4 + b), 1);
        block[b] = _mm512_insertf32x4(block[b], column_part(from, stride, columns, r, 8 + b), 2);
        block[b] = _mm512_insertf32x4(block[b], column_part(from, stride, columns, r, 12 + b), 3);
      }
      const __m512 low01 = _mm512_unpacklo_ps(block[0], block[1]);
      const __m512 low23 = _mm512_unpacklo_ps(block[2], block[3]);
      const __m512 high01 = _mm512_unpackhi_ps(block[0], block[1]);
      const __m512 high23 = _mm512_unpackhi_ps(block[2], block[3]);
      _mm512_storeu_ps(to + 16 * r, _mm512_shuffle_ps(low01, low23, 0x44));
      _mm512_storeu_ps(to + 16 * (r + 1), _mm512_shuffle_ps(low01, low23, 0xee));
      _mm512_storeu_ps(to + 16 * (r + 2), _mm512_shuffle_ps(high01, high23, 0x44));
      _mm512_storeu_ps(to + 16 * (r + 3), _mm512_shuffle_ps(high01, high23, 0xee));
    }
  }
  static __m128 column_part(const float* from, std::int64_t stride, int columns, int row,
                            int column) {
    return column < columns ? _mm_loadu_ps(from + column * stride + row) : _mm_setzero_ps();
  }

  static std::int64_t encode(const EncodeJob& job) { return encode_avx512(job); }
  static void split(const SplitJob& job) { split_avx512(job); }

  static Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm512_fmadd_ps(a, b, sum); }
};

}  // namespace
}  // namespace laconic
