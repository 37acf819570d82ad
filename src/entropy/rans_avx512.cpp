// Sixteen states in a register, four registers: enough of them to hide how long a gather takes.

#include <immintrin.h>

#include "entropy/rans_loops.h"
#include "entropy/rans_x86.h"

namespace laconic {
namespace {

constexpr int width = 16;
constexpr int vectors = rans_lanes / width;

}  // namespace

std::size_t rans_decode_avx512(const std::uint32_t* slots, std::uint32_t* states,
                               const unsigned char** next, const unsigned char* end,
                               std::uint16_t* out, std::size_t groups) {
  const __m512i slot_mask = _mm512_set1_epi32((1 << rans_vector_precision) - 1);
  const __m512i symbol_mask = _mm512_set1_epi32(0xff);
  const __m512i lower = _mm512_set1_epi32(1 << 16);
  const unsigned char* words = *next;
  __m512i state[vectors];
  for (int v = 0; v < vectors; ++v) state[v] = _mm512_loadu_si512(states + v * width);
  std::size_t done = 0;
  for (; done < groups && end - words >= 2 * rans_lanes; ++done, out += rans_lanes) {
    for (int v = 0; v < vectors; ++v) {
      __m512i x = state[v];
      const __m512i slot = _mm512_i32gather_epi32(_mm512_and_si512(x, slot_mask), slots, 4);
      const __m512i frequency = _mm512_and_si512(_mm512_srli_epi32(slot, 8), slot_mask);
      x = _mm512_add_epi32(
          _mm512_mullo_epi32(frequency, _mm512_srli_epi32(x, rans_vector_precision)),
          _mm512_srli_epi32(slot, 20));
      const __mmask16 low = _mm512_cmplt_epu32_mask(x, lower);
      const __m512i word =
          _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)));
      state[v] = _mm512_mask_or_epi32(x, low, _mm512_slli_epi32(x, 16),
                                      _mm512_maskz_expand_epi32(low, word));
      words += 2 * __builtin_popcount(low);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out) + v,
                          _mm512_cvtepi32_epi16(_mm512_and_si512(slot, symbol_mask)));
    }
  }
  for (int v = 0; v < vectors; ++v) _mm512_storeu_si512(states + v * width, state[v]);
  *next = words;
  return done;
}

void rans_encode_avx512(const std::uint32_t* ranges, int precision, std::uint32_t* states,
                        std::uint16_t** next, const std::uint16_t* indices, std::size_t groups) {
  const __m512i low_half = _mm512_set1_epi32(0xffff);
  const __m512i total = _mm512_set1_epi32(1 << precision);
  const __m128i up = _mm_cvtsi32_si128(precision);
  const __m128i down = _mm_cvtsi32_si128(32 - precision);
  const __m512 one_less = _mm512_set1_ps(1 - 0x1p-21F);
  const __m512 two = _mm512_set1_ps(2);
  std::uint16_t* words = *next;
  __m512i state[vectors];
  for (int v = 0; v < vectors; ++v) state[v] = _mm512_loadu_si512(states + v * width);
  while (groups-- > 0) {
    const std::uint16_t* group = indices + groups * rans_lanes;
    for (int v = vectors - 1; v >= 0; --v) {
      __m512i x = state[v];
      const __m512i index =
          _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(group) + v));
      const __m512i range = _mm512_i32gather_epi32(index, ranges, 4);
      const __m512i frequency = _mm512_and_si512(range, low_half);

      const __mmask16 high = _mm512_cmpge_epu32_mask(_mm512_srl_epi32(x, down), frequency);
      const auto count = static_cast<unsigned>(__builtin_popcount(high));
      words -= count;
      _mm256_mask_storeu_epi16(words, static_cast<__mmask16>((1u << count) - 1),
                               _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(high, x)));
      x = _mm512_mask_srli_epi32(x, high, x, 16);

      // x / frequency is below 2^20. The reciprocal (an estimate to 2^-14 and a step of Newton's)
      // times x, each rounded, is off by less than 6 * 2^-24 of it; made smaller by 8 * 2^-24 it is
      // below the quotient by less than 1, so its whole part is right or one too small.
      const __m512 divisor = _mm512_cvtepu32_ps(frequency);
      const __m512 guess = _mm512_rcp14_ps(divisor);
      const __m512 reciprocal =
          _mm512_mul_ps(_mm512_mul_ps(guess, one_less), _mm512_fnmadd_ps(divisor, guess, two));
      const __m512i quotient =
          _mm512_cvttps_epu32(_mm512_mul_ps(_mm512_cvtepu32_ps(x), reciprocal));
      const __m512i rest = _mm512_sub_epi32(x, _mm512_mullo_epi32(quotient, frequency));
      const __mmask16 one_more = _mm512_cmpge_epu32_mask(rest, frequency);
      x = _mm512_add_epi32(_mm512_add_epi32(_mm512_sll_epi32(quotient, up), rest),
                           _mm512_srli_epi32(range, 16));
      state[v] = _mm512_mask_add_epi32(x, one_more, x, _mm512_sub_epi32(total, frequency));
    }
  }
  for (int v = 0; v < vectors; ++v) _mm512_storeu_si512(states + v * width, state[v]);
  *next = words;
}

}  // namespace laconic
