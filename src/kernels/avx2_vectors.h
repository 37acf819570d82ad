// 16 lanes in two AVX2 registers: the vector operations of loops.h.

#pragma once

#include <immintrin.h>

#include "kernels/avx2_encode.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

struct Avx2 {
  static constexpr int tile_panels = 1;
  static constexpr int tile_columns = 6;
  static constexpr int fused_panels = 1;
  static constexpr int fused_columns = 4;
  static constexpr int prefetch_distance = 2048;
  static constexpr int tile_prefetch_distance = 512;

  struct Acc {
    __m256i part[2];
  };
  using Bytes = Acc;
  struct Floats {
    __m256 part[2];
  };

  static Acc zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static Floats zero_floats() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

  static Acc dot(Acc sum, Bytes x, Bytes w) {
    const __m256i low_byte = _mm256_set1_epi16(255);
    for (int i = 0; i < 2; ++i) {
      const __m256i x_even = _mm256_and_si256(x.part[i], low_byte);
      const __m256i x_odd = _mm256_srli_epi16(x.part[i], 8);
      const __m256i w_even = _mm256_srai_epi16(_mm256_slli_epi16(w.part[i], 8), 8);
      const __m256i w_odd = _mm256_srai_epi16(w.part[i], 8);
      const __m256i pairs =
          _mm256_add_epi32(_mm256_madd_epi16(x_even, w_even), _mm256_madd_epi16(x_odd, w_odd));
      sum.part[i] = _mm256_add_epi32(sum.part[i], pairs);
    }
    return sum;
  }
  static Acc add_sums(Acc a, Acc b) {
    for (int i = 0; i < 2; ++i) a.part[i] = _mm256_add_epi32(a.part[i], b.part[i]);
    return a;
  }

  static Bytes load(const std::byte* from) {
    const auto* parts = reinterpret_cast<const __m256i*>(from);
    return {_mm256_loadu_si256(parts), _mm256_loadu_si256(parts + 1)};
  }
  static void store(std::byte* to, Bytes from) {
    auto* parts = reinterpret_cast<__m256i*>(to);
    _mm256_storeu_si256(parts, from.part[0]);
    _mm256_storeu_si256(parts + 1, from.part[1]);
  }
  static Bytes repeat(const std::byte* from) {
    std::int32_t four;
    __builtin_memcpy(&four, from, 4);
    const __m256i all = _mm256_set1_epi32(four);
    return {all, all};
  }
  static void prefetch(const std::byte* from) { _mm_prefetch(from, _MM_HINT_T0); }

  template <class Operation>
  static Floats each(Floats a, Floats b, const Operation& operation) {
    return {operation(a.part[0], b.part[0]), operation(a.part[1], b.part[1])};
  }
  static Floats floats(Acc sum) {
    return {_mm256_cvtepi32_ps(sum.part[0]), _mm256_cvtepi32_ps(sum.part[1])};
  }
  static Floats load_floats(const float* from) {
    return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
  }
  static void store_floats(float* to, Floats from) {
    _mm256_storeu_ps(to, from.part[0]);
    _mm256_storeu_ps(to + 8, from.part[1]);
  }
  static Floats repeat_float(const float* from) {
    return {_mm256_set1_ps(*from), _mm256_set1_ps(*from)};
  }
  static Floats add(Floats a, Floats b) {
    return each(a, b, [](__m256 p, __m256 q) { return _mm256_add_ps(p, q); });
  }
  static Floats sub(Floats a, Floats b) {
    return each(a, b, [](__m256 p, __m256 q) { return _mm256_sub_ps(p, q); });
  }
  static Floats mul(Floats a, Floats b) {
    return each(a, b, [](__m256 p, __m256 q) { return _mm256_mul_ps(p, q); });
  }
  static Floats div(Floats a, Floats b) {
    return each(a, b, [](__m256 p, __m256 q) { return _mm256_div_ps(p, q); });
  }
  static Floats power_of_two(Floats x) {
    for (__m256& part : x.part) {
      const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(part), 23);
      part = _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f800000)));
    }
    return x;
  }
  static Floats select_below(Floats x, float bound, Floats below, Floats other) {
    for (int i = 0; i < 2; ++i) {
      const __m256 mask = _mm256_cmp_ps(x.part[i], _mm256_set1_ps(bound), _CMP_LT_OQ);
      other.part[i] = _mm256_blendv_ps(other.part[i], below.part[i], mask);
    }
    return other;
  }
  static Floats clip(Floats value, float low, float high) {
    // Of two operands of which one is NaN, these return the second.
    for (__m256& part : value.part) {
      part = _mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), part));
    }
    return value;
  }
  static Floats multiply_add(Floats a, Floats b, Floats sum) {
    return {_mm256_fmadd_ps(a.part[0], b.part[0], sum.part[0]),
            _mm256_fmadd_ps(a.part[1], b.part[1], sum.part[1])};
  }

  /// All bits of the first `count` lanes of eight.
  static __m256i first(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Floats load_part(const float* from, int count) {
    if (count == 16) return load_floats(from);
    return {_mm256_maskload_ps(from, first(count)), _mm256_maskload_ps(from + 8, first(count - 8))};
  }
  static void store_part(float* to, int count, Floats from) {
    if (count == 16) return store_floats(to, from);
    _mm256_maskstore_ps(to, first(count), from.part[0]);
    _mm256_maskstore_ps(to + 8, first(count - 8), from.part[1]);
  }
  static inline __attribute__((always_inline)) void transpose(const float* from,
                                                              std::int64_t stride, int columns,
                                                              float* to) {
    transpose_plain(from, stride, columns, to);
  }
  static std::int64_t encode(const EncodeJob& job) { return encode_avx2(job); }
  static void split(const SplitJob& job) { split_plain(job); }
};

}  // namespace
}  // namespace laconic
