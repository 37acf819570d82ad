// The codes of a convolution's row by taps, 64 channels at a time.

#pragma once

#include <immintrin.h>

#include "kernels/pack_loops.h"

namespace laconic {
namespace {

/// Byte c of a tap is byte taps * c + tap of as many registers as there are taps: each of them is
/// looked up in, and gives the bytes that it has.
class TapBytes {
 public:
  static constexpr std::int64_t most_taps = 32;

  TapBytes(std::int64_t taps, std::int64_t tap) : taps_(taps) {
    const __m512i count = _mm512_set1_epi16(static_cast<short>(taps));
    const __m512i first = _mm512_set1_epi16(static_cast<short>(tap));
    __m512i place[2];
    for (int half = 0; half < 2; ++half) {
      const __m512i channel =
          _mm512_add_epi16(iota(), _mm512_set1_epi16(static_cast<short>(32 * half)));
      place[half] = _mm512_add_epi16(_mm512_mullo_epi16(channel, count), first);
    }
    places_ = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(place[0])),
                                 _mm512_cvtepi16_epi8(place[1]), 1);
    for (int v = 0; v < taps; ++v) {
      const __m512i number = _mm512_set1_epi16(static_cast<short>(v));
      const __mmask32 low = _mm512_cmpeq_epi16_mask(_mm512_srli_epi16(place[0], 6), number);
      const __mmask32 high = _mm512_cmpeq_epi16_mask(_mm512_srli_epi16(place[1], 6), number);
      has_[v] = __mmask64{high} << 32 | low;
    }
  }

  /// `blocks` times 64 channels from `row` on.
  template <int blocks>
  void take(const std::uint8_t* row, __m512i (&out)[blocks]) const {
    for (__m512i& block : out) block = _mm512_setzero_si512();
    for (std::int64_t v = 0; v < taps_; ++v) {
      for (int b = 0; b < blocks; ++b) {
        const __m512i bytes = _mm512_loadu_si512(row + 64 * (b * taps_ + v));
        out[b] = _mm512_mask_permutexvar_epi8(out[b], has_[v], places_, bytes);
      }
    }
  }

 private:
  static __m512i iota() {
    alignas(64) short out[32];
    for (short i = 0; i < 32; ++i) out[i] = i;
    return _mm512_load_si512(out);
  }

  std::int64_t taps_;
  __m512i places_;
  __mmask64 has_[most_taps];
};

inline void split_avx512(const SplitJob& given) {
  const SplitJob job = given;  // Codes might alias the original.
  // Fewer channels pay less by bytes than to find what the registers have.
  if (job.taps > TapBytes::most_taps || job.channels < 32) return split_plain(job);
  for (std::int64_t tap = 0; tap < job.taps; ++tap) {
    const TapBytes bytes(job.taps, tap);
    std::uint8_t* to = job.out + job.places[tap];
    const std::uint8_t* row = job.row;
    std::int64_t left = job.channels;
    for (; left >= 256; left -= 256, to += 256, row += 256 * job.taps) {
      __m512i out[4];
      bytes.take(row, out);
      for (int b = 0; b < 4; ++b) _mm512_storeu_si512(to + 64 * b, out[b]);
    }
    for (; left > 0; left -= 64, to += 64, row += 64 * job.taps) {
      __m512i out[1];
      bytes.take(row, out);
      const auto some = left < 64 ? (__mmask64{1} << left) - 1 : ~__mmask64{0};
      _mm512_mask_storeu_epi8(to, some, out[0]);
    }
  }
}

}  // namespace
}  // namespace laconic
