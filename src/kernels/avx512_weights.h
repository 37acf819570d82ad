// Codes of a chunk to weights, in AVX-512 registers.

#pragma once

#include <immintrin.h>

#include "kernels/codes.h"
#include "kernels/fused.h"

namespace laconic {
namespace {

/// Four trits of a byte as two bits each: what 4 registers of 64 entries look up.
struct TritTable {
  alignas(64) std::uint8_t entry[256] = {};
  constexpr TritTable() {
    for (unsigned byte = 0; byte < 243; ++byte) {
      entry[byte] = static_cast<std::uint8_t>(byte % 3 | byte / 3 % 3 << 2 | byte / 9 % 3 << 4 |
                                              byte / 27 % 3 << 6);
    }
  }
};
inline constexpr TritTable trit_table;

inline __m512i load_chunk(const void* from) {
  return _mm512_loadu_si512(from);
}

/// A chunk opened: trits5 has been turned into a chunk of bits2 and one more quad.
struct OpenChunk {
  __m512i bits;
  __mmask64 one, two;  ///< trits5: where the fifth digit is at least that.
};

template <WeightForm form>
OpenChunk open_chunk(const std::byte* packed) {
  const __m512i bytes = load_chunk(packed);
  if constexpr (form != WeightForm::trits5) {
    return {bytes, 0, 0};
  } else {
    const auto table = [](int part) { return load_chunk(trit_table.entry + 64 * part); };
    const __m512i low = _mm512_permutex2var_epi8(table(0), bytes, table(1));
    const __m512i high = _mm512_permutex2var_epi8(table(2), bytes, table(3));
    return {_mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high),
            _mm512_cmpge_epu8_mask(bytes, _mm512_set1_epi8(81)),
            _mm512_cmpge_epu8_mask(bytes, _mm512_set1_epi8(static_cast<char>(162)))};
  }
}

constexpr int code_bits(WeightForm form) {
  return form == WeightForm::trits5 ? 2 : 8 / chunk_quads(form);
}

/// The codes of quad q, each alone in its byte.
template <WeightForm form, int q>
__m512i codes(const OpenChunk& chunk) {
  constexpr int bits = code_bits(form);
  if constexpr (form == WeightForm::trits5 && q == 4) {
    const __m512i ones = _mm512_maskz_set1_epi8(chunk.one, 1);
    return _mm512_mask_set1_epi8(ones, chunk.two, 2);
  } else if constexpr (bits == 8) {
    return chunk.bits;
  } else {
    return _mm512_and_si512(_mm512_srli_epi16(chunk.bits, bits * q),
                            _mm512_set1_epi8((1 << bits) - 1));
  }
}

/// Weights by a table that all share. A permutation of bytes looks at 6 bits of an index, so a
/// table of 64 entries can ignore what surrounds a code: codes need no masks, and most no shifts.
template <WeightForm form>
class SharedWeights {
 public:
  static constexpr int quads = chunk_quads(form);
  using Chunk = OpenChunk;

  explicit SharedWeights(const void* table) {
    const auto* level = static_cast<const std::int8_t*>(table);
    for (int t = 0; t < tables; ++t) {
      alignas(64) std::int8_t entry[64];
      for (int i = 0; i < 64; ++i) entry[i] = level[i >> bits * t & ((1 << bits) - 1)];
      table_[t] = load_chunk(entry);
    }
    for (int i = 0; i < 3; ++i) fifth_[i] = _mm512_set1_epi8(level[i]);
  }

  static Chunk open(const std::byte* packed) { return open_chunk<form>(packed); }

  template <int q>
  __m512i quad(const Chunk& chunk) const {
    if constexpr (form == WeightForm::trits5 && q == 4) {
      const __m512i one = _mm512_mask_mov_epi8(fifth_[0], chunk.one, fifth_[1]);
      return _mm512_mask_mov_epi8(one, chunk.two, fifth_[2]);
    } else if constexpr (q < tables) {
      return _mm512_permutexvar_epi8(chunk.bits, table_[q]);
    } else {
      const __m512i bytes = _mm512_srli_epi16(chunk.bits, bits * tables);
      return _mm512_permutexvar_epi8(bytes, table_[q - tables]);
    }
  }

 private:
  static constexpr int bits = code_bits(form);
  static constexpr int tables = 6 / bits;  ///< Codes within the lowest 6 bits.
  __m512i table_[tables];
  __m512i fifth_[3];
};

/// int8 levels are what they are.
struct PlainWeights {
  static constexpr int quads = 1;
  using Chunk = __m512i;
  explicit PlainWeights(const void*) {}
  static Chunk open(const std::byte* packed) { return load_chunk(packed); }
  template <int q>
  __m512i quad(const Chunk& chunk) const {
    return chunk;
  }
};

/// Weights by a table for each of 16 rows, of up to 4 levels: one register holds them all.
template <WeightForm form>
class RowWeights {
 public:
  explicit RowWeights(const std::int8_t* tables) {
    constexpr int size = max_codes(form);
    alignas(64) std::int8_t entry[64] = {};
    for (int row = 0; row < 16; ++row) {
      for (int i = 0; i < size; ++i) entry[4 * row + i] = tables[row * size + i];
    }
    table_ = load_chunk(entry);
  }

  __m512i look_up(__m512i codes) const {
    // Byte 4 r + j belongs to row r, whose table begins at entry 4 r.
    const __m512i row = _mm512_slli_epi32(
        _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                           _mm512_set1_epi32(0x01010101)),
        2);
    return _mm512_permutexvar_epi8(_mm512_or_si512(codes, row), table_);
  }

 private:
  __m512i table_;
};

/// Of up to 16 levels: two registers for the lower eight rows, two for the upper eight.
template <>
class RowWeights<WeightForm::bits4> {
 public:
  explicit RowWeights(const std::int8_t* tables) {
    for (int i = 0; i < 4; ++i) table_[i] = load_chunk(tables + 64 * i);
  }

  __m512i look_up(__m512i codes) const {
    const __m512i row = _mm512_slli_epi32(
        _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7),
                           _mm512_set1_epi32(0x01010101)),
        4);
    const __m512i index = _mm512_or_si512(codes, row);
    const __m512i lower = _mm512_permutex2var_epi8(table_[0], index, table_[1]);
    const __m512i upper = _mm512_permutex2var_epi8(table_[2], index, table_[3]);
    return _mm512_mask_blend_epi8(0xffffffff00000000, lower, upper);
  }

 private:
  __m512i table_[4];
};

/// Expands a panel to int8.
template <WeightForm form>
void unpack_int8(const UnpackJob& job) {
  constexpr int quads = chunk_quads(form);
  const std::byte* packed = job.packed;
  std::byte* out = job.out;
  const auto* table = static_cast<const std::int8_t*>(job.table);
  const auto segment = [&](const auto& weight) {
    for (std::int64_t i = 0; i < job.segment_chunks; ++i, packed += chunk_bytes) {
      const OpenChunk chunk = open_chunk<form>(packed);
      for_each_number<quads>([&](auto number) {
        _mm512_storeu_si512(out, weight(chunk, number));
        out += chunk_bytes;
      });
    }
  };
  if (!job.per_row) {
    const SharedWeights<form> weights(table);
    const auto weight = [&](const OpenChunk& chunk, auto number) {
      return weights.template quad<decltype(number)::value>(chunk);
    };
    for (std::int64_t s = 0; s < job.segments; ++s) segment(weight);
  } else {
    for (std::int64_t s = 0; s < job.segments; ++s, table += panel_rows * job.table_size) {
      const RowWeights<form> weights(table);
      segment([&](const OpenChunk& chunk, auto number) {
        return weights.look_up(codes<form, decltype(number)::value>(chunk));
      });
    }
  }
}

/// Expands a panel to rows of 16 floats. A register holds a table of 16; larger ones, and those of
/// single rows, are gathered from.
template <WeightForm form>
void unpack_floats(const UnpackJob& job) {
  constexpr int quads = chunk_quads(form);
  const std::byte* packed = job.packed;
  auto* out = reinterpret_cast<float*>(job.out);
  const auto* table = static_cast<const float*>(job.table);
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i row = _mm512_mullo_epi32(
      lane, _mm512_set1_epi32(job.per_row ? static_cast<int>(job.table_size) : 0));
  const __m512i low_byte = _mm512_set1_epi32(255);
  const bool in_register = form != WeightForm::bits8 && !job.per_row;
  const __m512 levels = in_register ? _mm512_loadu_ps(table) : _mm512_setzero_ps();
  for (std::int64_t s = 0; s < job.segments; ++s) {
    for (std::int64_t i = 0; i < job.segment_chunks; ++i, packed += chunk_bytes) {
      const OpenChunk chunk = open_chunk<form>(packed);
      for_each_number<quads>([&](auto number) {
        __m512i code = codes<form, decltype(number)::value>(chunk);
        for (int j = 0; j < 4; ++j, out += panel_rows) {
          __m512 weight;
          if (in_register) {
            weight = _mm512_permutexvar_ps(code, levels);
          } else {
            const __m512i index = _mm512_add_epi32(_mm512_and_si512(code, low_byte), row);
            weight = _mm512_i32gather_ps(index, table, sizeof(float));
          }
          _mm512_storeu_ps(out, weight);
          code = _mm512_srli_epi32(code, 8);
        }
      });
    }
    if (job.per_row) table += panel_rows * job.table_size;
  }
}

}  // namespace
}  // namespace laconic
