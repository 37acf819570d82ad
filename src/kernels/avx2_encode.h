// Indices to codes by look-ups of bytes, 32 at a time, in as many tables of 16 as there are.

#pragma once

#include <immintrin.h>

#include "kernels/pack_loops.h"

namespace laconic {
namespace {

/// 32 indices as bytes in their order.
inline __m256i index_bytes(const std::uint16_t* indices) {
  const auto* halves = reinterpret_cast<const __m256i*>(indices);
  const __m256i bytes =
      _mm256_packus_epi16(_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1));
  return _mm256_permute4x64_epi64(bytes, 0xd8);
}

/// What becomes of 32 indices: codes, and bytes without a sign to be summed.
struct Encoded {
  __m256i codes, summands;
};

/// The summands are the indices themselves.
class EvenCodes {
 public:
  explicit EvenCodes(const EncodeJob& job)
      : job_(job), first_(_mm256_set1_epi8(static_cast<char>(job.codes[0]))) {}
  [[nodiscard]] Encoded operator[](__m256i at) const { return {_mm256_add_epi8(at, first_), at}; }
  [[nodiscard]] std::int64_t multiples(std::int64_t sum, std::int64_t count) const {
    return job_.multiples == nullptr ? 0 : sum * job_.step + count * job_.multiples[0];
  }

 private:
  const EncodeJob& job_;
  __m256i first_;
};

/// The summands are the multiples, and 128 more each.
class ByteTables {
 public:
  explicit ByteTables(const EncodeJob& job) : count_(static_cast<int>(job.levels + 15) / 16) {
    __builtin_memcpy(codes_, job.codes, static_cast<std::size_t>(job.levels));
    __builtin_memcpy(multiples_, job.multiples, static_cast<std::size_t>(job.levels));
  }

  [[nodiscard]] Encoded operator[](__m256i at) const {
    Encoded out{_mm256_setzero_si256(), _mm256_set1_epi8(-128)};
    for (int t = 0; t < count_; ++t) {
      // Beyond 127, at which a look-up gives 0, unless the index is one of this table's.
      const __m256i in_table =
          _mm256_adds_epu8(_mm256_xor_si256(at, _mm256_set1_epi8(static_cast<char>(16 * t))),
                           _mm256_set1_epi8(0x70));
      out.codes = _mm256_or_si256(out.codes, _mm256_shuffle_epi8(table(codes_, t), in_table));
      out.summands =
          _mm256_xor_si256(out.summands, _mm256_shuffle_epi8(table(multiples_, t), in_table));
    }
    return out;
  }
  [[nodiscard]] static std::int64_t multiples(std::int64_t sum, std::int64_t count) {
    return sum - 128 * count;
  }

 private:
  static __m256i table(const char* tables, int number) {
    return _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(tables) + number));
  }

  alignas(16) char codes_[256] = {};
  alignas(16) char multiples_[256] = {};
  int count_;
};

inline std::int64_t sum_of_longs(__m256i four) {
  alignas(32) std::int64_t parts[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(parts), four);
  return parts[0] + parts[1] + parts[2] + parts[3];
}

template <class Map>
std::int64_t encode_with(const Map& map, EncodeJob job) {
  __m256i sums = _mm256_setzero_si256();
  std::int64_t done = 0;
  for (; done + 32 <= job.count; done += 32) {
    const Encoded found = map[index_bytes(job.indices + done)];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(job.out + done), found.codes);
    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(found.summands, _mm256_setzero_si256()));
  }
  const std::int64_t sum = map.multiples(sum_of_longs(sums), done);
  job.indices += done;
  job.out += done;
  job.count -= done;
  return sum + encode_plain(job);
}

inline std::int64_t encode_avx2(const EncodeJob& given) {
  const EncodeJob job = given;  // Codes might alias the original.
  if (job.levels > 256 || job.count < 32) return encode_plain(job);
  return job.even ? encode_with(EvenCodes(job), job) : encode_with(ByteTables(job), job);
}

}  // namespace
}  // namespace laconic
