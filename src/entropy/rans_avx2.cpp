// Eight states in a register, eight registers.

#include <immintrin.h>

#include "entropy/rans_loops.h"
#include "entropy/rans_x86.h"

namespace laconic {
namespace {

constexpr int width = 8;
constexpr int vectors = rans_lanes / width;

/// For each set of lanes that need a word: which of the next words each of them gets.
struct Places {
  alignas(8) unsigned char of[256][width] = {};
  constexpr Places() {
    for (int set = 0; set < 256; ++set) {
      unsigned char word = 0;
      for (int lane = 0; lane < width; ++lane) {
        if (set >> lane & 1) of[set][lane] = word++;
      }
    }
  }
};
constexpr Places places;

}  // namespace

std::size_t rans_decode_avx2(const std::uint32_t* slots, std::uint32_t* states,
                             const unsigned char** next, const unsigned char* end,
                             std::uint16_t* out, std::size_t groups) {
  const auto* table = reinterpret_cast<const int*>(slots);
  const __m256i slot_mask = _mm256_set1_epi32((1 << rans_vector_precision) - 1);
  const __m256i symbol_mask = _mm256_set1_epi32(0xff);
  const unsigned char* words = *next;
  __m256i state[vectors];
  for (int v = 0; v < vectors; ++v) {
    state[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(states) + v);
  }
  std::size_t done = 0;
  for (; done < groups && end - words >= 2 * rans_lanes; ++done, out += rans_lanes) {
    for (int v = 0; v < vectors; ++v) {
      __m256i x = state[v];
      const __m256i slot = _mm256_i32gather_epi32(table, _mm256_and_si256(x, slot_mask), 4);
      const __m256i frequency = _mm256_and_si256(_mm256_srli_epi32(slot, 8), slot_mask);
      x = _mm256_add_epi32(
          _mm256_mullo_epi32(frequency, _mm256_srli_epi32(x, rans_vector_precision)),
          _mm256_srli_epi32(slot, 20));
      const __m256i low = _mm256_cmpeq_epi32(_mm256_srli_epi32(x, 16), _mm256_setzero_si256());
      const auto set = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(low)));
      const __m256i place =
          _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(places.of[set])));
      const __m256i word = _mm256_permutevar8x32_epi32(
          _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words))), place);
      state[v] = _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), word), low);
      words += 2 * __builtin_popcount(set);
      const __m256i symbol = _mm256_and_si256(slot, symbol_mask);
      _mm_storeu_si128(
          reinterpret_cast<__m128i*>(out) + v,
          _mm_packus_epi32(_mm256_castsi256_si128(symbol), _mm256_extracti128_si256(symbol, 1)));
    }
  }
  for (int v = 0; v < vectors; ++v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(states) + v, state[v]);
  }
  *next = words;
  return done;
}

}  // namespace laconic
