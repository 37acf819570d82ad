// Codes of a chunk to weights, in AVX2 registers.

#pragma once

#include <immintrin.h>

#include "kernels/avx2_vectors.h"
#include "kernels/codes.h"

namespace laconic {
namespace {

/// A register of 16 bytes, twice, as look-ups take it.
inline __m256i table_of(const std::int8_t* entries) {
  const auto* table = reinterpret_cast<const __m128i*>(entries);
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(table));
}

inline __m256i low_nibbles(__m256i bytes) {
  return _mm256_and_si256(bytes, _mm256_set1_epi8(15));
}

inline __m256i high_nibbles(__m256i bytes) {
  return low_nibbles(_mm256_srli_epi16(bytes, 4));
}

/// Codes of `bits` bits. Look-ups take four bits at a time, which are as many codes as fit, by
/// tables that know the one and ignore the others: two nibbles of a byte serve all its codes.
template <WeightForm form>
class ChunkCodes {
 public:
  static constexpr int quads = chunk_quads(form);
  static constexpr int bits = 8 / quads;
  static constexpr int tables = form == WeightForm::bits8 ? 0 : 4 / bits;

  struct Chunk {
    __m256i nibbles[2][2];  ///< Low and high ones of both halves.
  };

  static Chunk open(const std::byte* packed) {
    const Avx2::Bytes bytes = Avx2::load(packed);
    Chunk out;
    for (int i = 0; i < 2; ++i) {
      out.nibbles[0][i] = low_nibbles(bytes.part[i]);
      out.nibbles[1][i] = high_nibbles(bytes.part[i]);
    }
    return out;
  }

  /// What table `q % tables` looks up for quad `q`.
  template <int q>
  static __m256i index(const Chunk& chunk, int half) {
    return chunk.nibbles[q / tables][half];
  }

  /// The code within an index that table `table` knows.
  static constexpr int code(int index, int table) {
    return index >> (bits * table) & ((1 << bits) - 1);
  }
};

template <>
class ChunkCodes<WeightForm::bits8> {
 public:
  static constexpr int quads = 1;
  static constexpr int tables = 0;
  using Chunk = Avx2::Bytes;
  static Chunk open(const std::byte* packed) { return Avx2::load(packed); }
};

/// Of five digits, the lower two are the remainder of a division by 9, the next two that of a
/// second one.
template <>
class ChunkCodes<WeightForm::trits5> {
 public:
  static constexpr int quads = 5;
  static constexpr int tables = 2;

  struct Chunk {
    __m256i digits[3][2];  ///< Two, two and one of them, of both halves.
  };

  static Chunk open(const std::byte* packed) {
    const Avx2::Bytes bytes = Avx2::load(packed);
    const __m256i nine = _mm256_set1_epi8(9);
    Chunk out;
    for (int i = 0; i < 2; ++i) {
      const __m256i ninth = divide_by_nine(bytes.part[i]);  // 0 to 26.
      const __m256i eight = _mm256_slli_epi16(ninth, 3);
      out.digits[0][i] = _mm256_sub_epi8(bytes.part[i], _mm256_add_epi8(eight, ninth));
      const __m256i one = _mm256_cmpgt_epi8(ninth, _mm256_set1_epi8(8));
      const __m256i two = _mm256_cmpgt_epi8(ninth, _mm256_set1_epi8(17));
      const __m256i least = _mm256_sub_epi8(ninth, _mm256_and_si256(one, nine));
      out.digits[1][i] = _mm256_sub_epi8(least, _mm256_and_si256(two, nine));
      out.digits[2][i] = _mm256_sub_epi8(_mm256_setzero_si256(), _mm256_add_epi8(one, two));
    }
    return out;
  }

  template <int q>
  static __m256i index(const Chunk& chunk, int half) {
    return chunk.digits[q / tables][half];
  }

  static constexpr int code(int index, int table) { return table == 0 ? index % 3 : index / 3 % 3; }

 private:
  static __m256i divide_by_nine(__m256i bytes) {
    const __m256i factor = _mm256_set1_epi16(7282);  // 7282 / 2^16 is exact enough below 256.
    const __m256i even =
        _mm256_mulhi_epu16(_mm256_and_si256(bytes, _mm256_set1_epi16(255)), factor);
    const __m256i odd = _mm256_mulhi_epu16(_mm256_srli_epi16(bytes, 8), factor);
    return _mm256_or_si256(even, _mm256_slli_epi16(odd, 8));
  }
};

/// Codes looked up in a table that all share.
template <WeightForm form>
class SharedWeights : public ChunkCodes<form> {
 public:
  using Codes = ChunkCodes<form>;

  explicit SharedWeights(const void* levels) {
    const auto* level = static_cast<const std::int8_t*>(levels);
    for (int t = 0; t < Codes::tables; ++t) {
      std::int8_t entries[16];
      for (int i = 0; i < 16; ++i) entries[i] = level[Codes::code(i, t)];
      table_[t] = table_of(entries);
    }
  }

  template <int q>
  Avx2::Bytes quad(const typename Codes::Chunk& chunk) const {
    const auto look_up = [&](int half) {
      return _mm256_shuffle_epi8(table_[q % Codes::tables], Codes::template index<q>(chunk, half));
    };
    return {look_up(0), look_up(1)};
  }

 private:
  __m256i table_[Codes::tables];
};

/// Of bits8, bytes are the levels.
template <>
class SharedWeights<WeightForm::bits8> : public ChunkCodes<WeightForm::bits8> {
 public:
  explicit SharedWeights(const void*) {}
  template <int q>
  Avx2::Bytes quad(const Chunk& chunk) const {
    return chunk;
  }
};

/// Codes themselves, by a table of them.
template <WeightForm form>
class Codes : public SharedWeights<form> {
 public:
  Codes() : SharedWeights<form>(codes_) {}

 private:
  static constexpr std::int8_t codes_[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
};

/// Codes looked up in tables of single rows, of up to 4 levels: the tables of four rows, which are
/// what a look-up reaches, are one of 16 entries.
template <WeightForm form>
class RowWeights {
 public:
  explicit RowWeights(const std::int8_t* tables) {
    constexpr int size = max_codes(form);
    std::int8_t entry[4 * panel_rows] = {};
    for (int row = 0; row < panel_rows; ++row) {
      for (int i = 0; i < size; ++i) entry[4 * row + i] = tables[row * size + i];
    }
    table_ = Avx2::load(reinterpret_cast<const std::byte*>(entry));
  }

  Avx2::Bytes look_up(Avx2::Bytes codes) const {
    const __m128i four = _mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c);
    const __m256i row = _mm256_broadcastsi128_si256(four);
    for (int i = 0; i < 2; ++i) {
      codes.part[i] = _mm256_shuffle_epi8(table_.part[i], _mm256_or_si256(codes.part[i], row));
    }
    return codes;
  }

 private:
  Avx2::Bytes table_;
};

/// Of up to 16 levels: each of four rows is looked up alone.
template <>
class RowWeights<WeightForm::bits4> {
 public:
  explicit RowWeights(const std::int8_t* tables) {
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 4; ++i) {
        const auto* row = reinterpret_cast<const __m128i*>(tables + 16 * (8 * half + i));
        table_[half][i] = _mm256_set_m128i(_mm_loadu_si128(row + 4), _mm_loadu_si128(row));
      }
    }
  }

  Avx2::Bytes look_up(Avx2::Bytes codes) const {
    for (int half = 0; half < 2; ++half) {
      const auto row = [&](int i) {
        return _mm256_shuffle_epi8(table_[half][i], codes.part[half]);
      };
      const __m256i first = _mm256_blend_epi32(row(0), row(1), 0b10101010);
      const __m256i last = _mm256_blend_epi32(row(2), row(3), 0b10101010);
      codes.part[half] = _mm256_blend_epi32(first, last, 0b11001100);
    }
    return codes;
  }

 private:
  __m256i table_[2][4];
};

/// Expands a panel to int8.
template <WeightForm form>
void unpack_int8(const UnpackJob& job) {
  if (!job.per_row) return unpack_quads<form, Avx2, SharedWeights<form>>(job);
  const auto* table = static_cast<const std::int8_t*>(job.table);
  const std::byte* packed = job.packed;
  std::byte* out = job.out;
  const Codes<form> codes;
  for (std::int64_t s = 0; s < job.segments; ++s, table += panel_rows * job.table_size) {
    const RowWeights<form> weights(table);
    for (std::int64_t i = 0; i < job.segment_chunks; ++i, packed += chunk_bytes) {
      const auto chunk = codes.open(packed);
      for_each_number<chunk_quads(form)>([&](auto number) {
        const auto quad = codes.template quad<decltype(number)::value>(chunk);
        Avx2::store(out, weights.look_up(quad));
        out += chunk_bytes;
      });
    }
  }
}

/// Looks levels up eight at a time: two registers hold a table of 16 that all rows share; larger
/// ones, and those of single rows, are gathered from.
template <WeightForm form>
class FloatLevels {
 public:
  FloatLevels(const float* table, bool per_row, std::int64_t size)
      : table_(table), in_registers_(form != WeightForm::bits8 && !per_row) {
    if (in_registers_) {
      low_ = _mm256_loadu_ps(table);
      high_ = _mm256_loadu_ps(table + 8);
    }
    const __m256i row = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i entries = _mm256_set1_epi32(per_row ? static_cast<int>(size) : 0);
    first_[0] = _mm256_mullo_epi32(row, entries);
    first_[1] = _mm256_add_epi32(first_[0], _mm256_slli_epi32(entries, 3));
  }

  void next(std::int64_t entries) { table_ += entries; }

  /// By the lowest byte of each lane.
  __m256 look_up(__m256i codes, int half) const {
    if (in_registers_) {
      const __m256 low = _mm256_permutevar8x32_ps(low_, codes);
      if constexpr (max_codes(form) <= 8) return low;
      const __m256 high = _mm256_permutevar8x32_ps(high_, codes);
      return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28)));
    }
    const __m256i alone = _mm256_and_si256(codes, _mm256_set1_epi32(255));
    const __m256i entry = _mm256_add_epi32(alone, first_[half]);
    return _mm256_i32gather_ps(table_, entry, sizeof(float));
  }

 private:
  const float* table_;
  bool in_registers_;
  __m256 low_ = _mm256_setzero_ps(), high_ = _mm256_setzero_ps();
  __m256i first_[2];
};

/// Expands a panel to rows of 16 floats.
template <WeightForm form>
void unpack_floats(const UnpackJob& job) {
  const std::byte* packed = job.packed;
  auto* out = reinterpret_cast<float*>(job.out);
  const Codes<form> codes;
  FloatLevels<form> levels(static_cast<const float*>(job.table), job.per_row, job.table_size);
  for (std::int64_t s = 0; s < job.segments; ++s) {
    for (std::int64_t i = 0; i < job.segment_chunks; ++i, packed += chunk_bytes) {
      const auto chunk = codes.open(packed);
      for_each_number<chunk_quads(form)>([&](auto number) {
        Avx2::Bytes code = codes.template quad<decltype(number)::value>(chunk);
        for (int j = 0; j < 4; ++j, out += panel_rows) {
          for (int half = 0; half < 2; ++half) {
            _mm256_storeu_ps(out + 8 * half, levels.look_up(code.part[half], half));
            code.part[half] = _mm256_srli_epi32(code.part[half], 8);
          }
        }
      });
    }
    if (job.per_row) levels.next(panel_rows * job.table_size);
  }
}

}  // namespace
}  // namespace laconic
