// Sums of products of bytes with AVX2, whose one multiplication of bytes adds products by twos in
// 16 bits. Two products fit there where no weight is more than 64 steps from zero, and the fewer
// steps there are, the more of them: evenly spaced levels of up to 4 bits take 8 quads. Sums are
// widened to 32 bits as seldom as that allows. Other weights are widened before they are
// multiplied.

#pragma once

#include "kernels/avx2_vectors.h"
#include "kernels/fused.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

/// How many quads' products may be summed in 16 bits; 0 if not those of one.
inline std::int64_t short_quads(int largest) {
  constexpr int most = 64;
  const int two = 2 * 255 * largest;
  return two * most <= 32767 ? most : 32767 / two;
}

inline __m256i products_of_two(__m256i x, __m256i w) {
  return _mm256_maddubs_epi16(x, w);
}

inline __m256i widened(__m256i shorts) {
  return _mm256_madd_epi16(shorts, _mm256_set1_epi16(1));
}

/// Widens the sums of each quad.
struct Avx2Narrow : Avx2 {
  static Acc dot(Acc sum, Bytes x, Bytes w) {
    for (int i = 0; i < 2; ++i) {
      const __m256i four = widened(products_of_two(x.part[i], w.part[i]));
      sum.part[i] = _mm256_add_epi32(sum.part[i], four);
    }
    return sum;
  }
};

struct FourBytes {
  std::byte bytes[4];
};

/// Sums in 16 bits, of columns, that end up in sums of 32 bits. Registers hold no more than these.
/// Columns are numbers known to the compiler early on, or it would keep sums in memory.
template <int columns>
struct ShortSums {
  __m256i low[columns], high[columns];

  ShortSums() {
    for_each_number<columns>(
        [&](auto c) { low[c.value] = high[c.value] = _mm256_setzero_si256(); });
  }

  /// Adds the products of the four bytes at `x`. In assembly, as compilers reorder these so that
  /// sums no longer fit in registers.
  template <int c>
  void add(const std::byte* x, Avx2::Bytes w) {
    __m256i low_sum = low[c], high_sum = high[c], bytes, products;
    asm("vpbroadcastd %4, %2\n\t"
        "vpmaddubsw %5, %2, %3\n\t"
        "vpmaddubsw %6, %2, %2\n\t"
        "vpaddw %3, %0, %0\n\t"
        "vpaddw %2, %1, %1"
        : "+x"(low_sum), "+x"(high_sum), "=&x"(bytes), "=&x"(products)
        : "m"(*reinterpret_cast<const FourBytes*>(x)), "x"(w.part[0]), "x"(w.part[1]));
    low[c] = low_sum;
    high[c] = high_sum;
  }

  void add_to(Avx2::Acc* wide) const {
    for_each_number<columns>([&](auto c) {
      auto& to = wide[c.value].part;
      to[0] = _mm256_add_epi32(to[0], widened(low[c.value]));
      to[1] = _mm256_add_epi32(to[1], widened(high[c.value]));
    });
  }
};

/// Adds the products of so many quads. Not inlined: the compiler would move `wide` to registers.
template <int columns>
__attribute__((noinline)) void add_quads(const std::byte* x, std::int64_t stride,
                                         const std::byte* w, std::int64_t count, Avx2::Acc* wide) {
  ShortSums<columns> sums;
  const std::byte* fourth = x + 3 * stride;
  for (std::int64_t q = 0; q < count; ++q) {
    const auto weights = Avx2::load(w);
    for_each_number<columns>([&](auto number) __attribute__((always_inline)) {
      constexpr int c = decltype(number)::value;
      sums.template add<c>((c < 3 ? x : fourth) + c % 3 * stride, weights);
    });
    w += chunk_bytes;
    x += 4;
    fourth += 4;
  }
  sums.add_to(wide);
}

/// A part of the sums of 16 outputs.
inline void add_scaled(Avx2::Acc part, const float* scale, bool first, float* sum) {
  const auto scaled = Avx2::mul(Avx2::floats(part), Avx2::load_floats(scale));
  Avx2::store_floats(sum, first ? scaled : Avx2::add(Avx2::load_floats(sum), scaled));
}

template <int columns>
void tile_short(const TileJob& job, std::int64_t together) {
  for (int s = 0; s < job.segments; ++s) {
    Avx2::Acc wide[columns];
    for (auto& sum : wide) sum = Avx2::zero();
    for (int r = 0; r < job.segment_runs; ++r) {
      const std::byte* w = job.weights + s * job.segment_stride + r * job.run_stride;
      const std::byte* x = job.x + job.runs[s * job.segment_runs + r];
      for (std::int64_t q = 0; q < job.run_length; q += together) {
        const std::int64_t left = job.run_length - q;
        add_quads<columns>(x + 4 * q, job.column_stride, w + chunk_bytes * q,
                           left < together ? left : together, wide);
      }
    }
    const float* scale = job.scales + s * panel_rows;
    for (int c = 0; c < columns; ++c) {
      add_scaled(wide[c], scale, s == 0, job.sums + c * panel_rows);
    }
  }
}

template <int columns>
void tile_short_of(const TileJob& job, int wanted, std::int64_t together) {
  if constexpr (columns > 1) {
    if (wanted < columns) return tile_short_of<columns - 1>(job, wanted, together);
  }
  tile_short<columns>(job, together);
}

/// Sums in 32 bits that are widened quad by quad.
template <int columns>
struct NarrowSums {
  using Weights = Avx2::Bytes;

  __m256i low[columns], high[columns];

  NarrowSums() {
    for_each_number<columns>(
        [&](auto c) { low[c.value] = high[c.value] = _mm256_setzero_si256(); });
  }

  static Weights weights(const std::byte* from) { return Avx2::load(from); }
  static __m256i constant() { return _mm256_set1_epi16(1); }

  /// As ShortSums::add. Ones lie in memory: with them there were too few registers.
  template <int c>
  void add(const std::byte* x, const Weights& w, const __m256i& ones) {
    __m256i low_sum = low[c], high_sum = high[c], bytes, products;
    asm("vpbroadcastd %4, %2\n\t"
        "vpmaddubsw %5, %2, %3\n\t"
        "vpmaddubsw %6, %2, %2\n\t"
        "vpmaddwd %7, %3, %3\n\t"
        "vpmaddwd %7, %2, %2\n\t"
        "vpaddd %3, %0, %0\n\t"
        "vpaddd %2, %1, %1"
        : "+x"(low_sum), "+x"(high_sum), "=&x"(bytes), "=&x"(products)
        : "m"(*reinterpret_cast<const FourBytes*>(x)), "x"(w.part[0]), "x"(w.part[1]), "m"(ones));
    low[c] = low_sum;
    high[c] = high_sum;
  }
};

/// Sums of weights that are widened first, to even and odd bytes of 16 bits.
template <int columns>
struct WideSums {
  __m256i low[columns], high[columns];

  WideSums() {
    for_each_number<columns>(
        [&](auto c) { low[c.value] = high[c.value] = _mm256_setzero_si256(); });
  }

  struct Weights {
    __m256i even[2], odd[2];
  };

  static Weights weights(const std::byte* from) {
    const auto bytes = Avx2::load(from);
    Weights out;
    for (int i = 0; i < 2; ++i) {
      out.even[i] = _mm256_srai_epi16(_mm256_slli_epi16(bytes.part[i], 8), 8);
      out.odd[i] = _mm256_srai_epi16(bytes.part[i], 8);
    }
    return out;
  }

  static __m256i constant() { return _mm256_set1_epi16(255); }

  /// As ShortSums::add.
  template <int c>
  void add(const std::byte* x, const Weights& w, const __m256i& low_byte) {
    __m256i low_sum = low[c], high_sum = high[c], even, odd, products;
    asm("vpbroadcastd %5, %2\n\t"
        "vpsrlw $8, %2, %3\n\t"
        "vpand %10, %2, %2\n\t"
        "vpmaddwd %6, %2, %4\n\t"
        "vpmaddwd %7, %2, %2\n\t"
        "vpaddd %4, %0, %0\n\t"
        "vpmaddwd %8, %3, %4\n\t"
        "vpmaddwd %9, %3, %3\n\t"
        "vpaddd %2, %1, %1\n\t"
        "vpaddd %4, %0, %0\n\t"
        "vpaddd %3, %1, %1"
        : "+x"(low_sum), "+x"(high_sum), "=&x"(even), "=&x"(odd), "=&x"(products)
        : "m"(*reinterpret_cast<const FourBytes*>(x)), "x"(w.even[0]), "x"(w.even[1]),
          "x"(w.odd[0]), "x"(w.odd[1]), "x"(low_byte));
    low[c] = low_sum;
    high[c] = high_sum;
  }
};

/// `Sums` are the two above.
template <template <int> class Sums, int columns>
void tile_in_registers(const TileJob& job) {
  const __m256i constant = Sums<columns>::constant();
  for (int s = 0; s < job.segments; ++s) {
    Sums<columns> sums;
    for (int r = 0; r < job.segment_runs; ++r) {
      const std::byte* w = job.weights + s * job.segment_stride + r * job.run_stride;
      const std::byte* x = job.x + job.runs[s * job.segment_runs + r];
      const std::byte* fourth = x + 3 * job.column_stride;
      for (std::int64_t q = 0; q < job.run_length; ++q, w += chunk_bytes, x += 4, fourth += 4) {
        const auto weights = sums.weights(w);
        for_each_number<columns>([&](auto number) __attribute__((always_inline)) {
          constexpr int c = decltype(number)::value;
          sums.template add<c>((c < 3 ? x : fourth) + c % 3 * job.column_stride, weights, constant);
        });
      }
    }
    const float* scale = job.scales + s * panel_rows;
    for_each_number<columns>([&](auto c) {
      add_scaled({sums.low[c.value], sums.high[c.value]}, scale, s == 0,
                 job.sums + c.value * panel_rows);
    });
  }
}

template <template <int> class Sums, int columns>
void tile_in_registers_of(const TileJob& job, int wanted) {
  if constexpr (columns > 1) {
    if (wanted < columns) return tile_in_registers_of<Sums, columns - 1>(job, wanted);
  }
  tile_in_registers<Sums, columns>(job);
}

/// Registers hold the widened operands of four columns.
inline void tile_wide_halves(TileJob job, int columns) {
  constexpr int most = 4;
  const int first = columns > most ? columns / 2 : columns;
  tile_in_registers_of<WideSums, most>(job, first);
  if (first == columns) return;
  job.x += first * job.column_stride;
  job.sums += first * panel_rows;
  tile_in_registers_of<WideSums, most>(job, columns - first);
}

inline void tile_int8(const TileJob& job, int /*panels*/, int columns) {
  const std::int64_t together = short_quads(job.largest);
  if (together == 0) {
    tile_wide_halves(job, columns);
  } else if (together == 1) {
    tile_in_registers_of<NarrowSums, Avx2::tile_columns>(job, columns);
  } else {
    tile_short_of<Avx2::tile_columns>(job, columns, together);
  }
}

}  // namespace
}  // namespace laconic
