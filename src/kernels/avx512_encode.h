// Indices to codes by look-ups of bytes, 64 at a time.

#pragma once

#include <immintrin.h>

#include "kernels/pack_loops.h"

namespace laconic {
namespace {

/// Up to 64 entries in each register.
template <int registers>
struct ByteTable {
  ByteTable(const void* entries, std::int64_t count) {
    for (int i = 0; i < registers; ++i, count -= 64) {
      const auto some = count >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count > 0 ? count : 0)) - 1;
      part[i] = _mm512_maskz_loadu_epi8(some, static_cast<const char*>(entries) + 64 * i);
    }
  }

  [[nodiscard]] __m512i operator[](__m512i at) const {
    if constexpr (registers == 1) {
      return _mm512_permutexvar_epi8(at, part[0]);
    } else {
      const __m512i low = _mm512_permutex2var_epi8(part[0], at, part[1]);
      if constexpr (registers == 2) return low;
      const __m512i high = _mm512_permutex2var_epi8(part[2], at, part[3]);
      return _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high);
    }
  }

  __m512i part[registers];
};

/// 64 indices, or those of them that `some` has, as bytes in their order.
inline __m512i index_bytes(const std::uint16_t* indices, __mmask64 some) {
  const __m512i low = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(some), indices);
  const __m512i high = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(some >> 32), indices + 32);
  const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  return _mm512_permutexvar_epi64(order, _mm512_packus_epi16(low, high));
}

template <int registers>
std::int64_t encode_bytes(const EncodeJob& job) {
  constexpr std::int64_t width = 64;
  constexpr std::int64_t longest_sum = width << 20;  // 2^20 times 4 products in 32 bits.
  const ByteTable<registers> codes(job.codes, job.levels), multiples(job.multiples, job.levels);
  const __m512i ones = _mm512_set1_epi8(1);
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < job.count;) {
    const std::int64_t end = job.count - i < longest_sum ? job.count : i + longest_sum;
    __m512i sums = _mm512_setzero_si512();
    for (; i < end; i += width) {
      const auto some = end - i < width ? (__mmask64{1} << (end - i)) - 1 : ~__mmask64{0};
      const __m512i at = index_bytes(job.indices + i, some);
      _mm512_mask_storeu_epi8(job.out + i, some, codes[at]);
      sums = _mm512_dpbusd_epi32(sums, _mm512_maskz_mov_epi8(some, ones), multiples[at]);
    }
    sum += _mm512_reduce_add_epi32(sums);
  }
  return sum;
}

inline std::int64_t encode_avx512(const EncodeJob& given) {
  const EncodeJob job = given;  // Codes might alias the original.
  if (job.even || job.levels > 256) return encode_plain(job);
  if (job.levels <= 64) return encode_bytes<1>(job);
  return job.levels <= 128 ? encode_bytes<2>(job) : encode_bytes<4>(job);
}

}  // namespace
}  // namespace laconic
