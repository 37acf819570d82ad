// Kernels for AVX2: 16 lanes are two registers. Products of bytes are summed in 16 bits only where
// two of them fit, which bytes of full range do not, so bytes are widened first.

#include <immintrin.h>

#include "kernels/codes.h"
#include "kernels/fused.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

struct Avx2 {
  static constexpr int tile_panels = 1;
  static constexpr int tile_columns = 4;
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
  static void transpose(const float* from, std::int64_t stride, int columns, float* to) {
    transpose_plain(from, stride, columns, to);
  }
};

/// The codes of a chunk, quad by quad.
template <WeightForm form>
struct Codes {
  static constexpr int quads = chunk_quads(form);
  using Chunk = Avx2::Bytes;

  static Chunk open(const std::byte* packed) { return Avx2::load(packed); }

  template <int q>
  static Avx2::Bytes quad(const Chunk& chunk) {
    constexpr int bits = 8 / quads;
    Avx2::Bytes out;
    for (int i = 0; i < 2; ++i) {
      out.part[i] = _mm256_and_si256(_mm256_srli_epi16(chunk.part[i], bits * q),
                                     _mm256_set1_epi8(static_cast<char>((1 << bits) - 1)));
    }
    return out;
  }
};

/// Digits are remainders of repeated division by 3.
template <>
struct Codes<WeightForm::trits5> {
  static constexpr int quads = 5;
  struct Chunk {
    Avx2::Bytes digit[5];
  };

  static Chunk open(const std::byte* packed) {
    Chunk out;
    Avx2::Bytes value = Avx2::load(packed);
    for (auto& digit : out.digit) {
      for (int i = 0; i < 2; ++i) {
        const __m256i third = divide_by_three(value.part[i]);
        const __m256i twice = _mm256_add_epi8(third, third);
        digit.part[i] = _mm256_sub_epi8(value.part[i], _mm256_add_epi8(third, twice));
        value.part[i] = third;
      }
    }
    return out;
  }

  template <int q>
  static Avx2::Bytes quad(const Chunk& chunk) {
    return chunk.digit[q];
  }

 private:
  static __m256i divide_by_three(__m256i bytes) {
    const __m256i factor = _mm256_set1_epi16(171);  // 171 / 512 is exact enough below 256.
    const __m256i even = _mm256_and_si256(bytes, _mm256_set1_epi16(255));
    const __m256i odd = _mm256_srli_epi16(bytes, 8);
    const __m256i even_third = _mm256_srli_epi16(_mm256_mullo_epi16(even, factor), 9);
    const __m256i odd_third = _mm256_srli_epi16(_mm256_mullo_epi16(odd, factor), 9);
    return _mm256_or_si256(even_third, _mm256_slli_epi16(odd_third, 8));
  }
};

/// Codes looked up in a table that all share; of bits8, the levels themselves.
template <WeightForm form>
struct SharedWeights : Codes<form> {
  explicit SharedWeights(const void* levels)
      : table(form == WeightForm::bits8 ? _mm256_setzero_si256()
                                        : _mm256_broadcastsi128_si256(_mm_loadu_si128(
                                              static_cast<const __m128i*>(levels)))) {}

  template <int q>
  Avx2::Bytes quad(const typename Codes<form>::Chunk& chunk) const {
    Avx2::Bytes out = Codes<form>::template quad<q>(chunk);
    if constexpr (form != WeightForm::bits8) {
      for (__m256i& part : out.part) part = _mm256_shuffle_epi8(table, part);
    }
    return out;
  }

  __m256i table;
};

/// Gathers levels, eight at a time, from the table of all or from tables of single rows.
template <WeightForm form>
void unpack_floats(const UnpackJob& job) {
  const auto* table = static_cast<const float*>(job.table);
  const std::byte* packed = job.packed;
  auto* out = reinterpret_cast<float*>(job.out);
  const __m256i size = _mm256_set1_epi32(job.per_row ? static_cast<int>(job.table_size) : 0);
  const __m256i row = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i first_entry[] = {
      _mm256_mullo_epi32(row, size),
      _mm256_mullo_epi32(_mm256_add_epi32(row, _mm256_set1_epi32(8)), size)};
  for (std::int64_t s = 0; s < job.segments; ++s) {
    for (std::int64_t i = 0; i < job.segment_chunks; ++i, packed += chunk_bytes) {
      const auto chunk = Codes<form>::open(packed);
      for_each_number<chunk_quads(form)>([&](auto number) {
        Avx2::Bytes code = Codes<form>::template quad<decltype(number)::value>(chunk);
        for (int j = 0; j < 4; ++j, out += panel_rows) {
          for (int half = 0; half < 2; ++half) {
            const __m256i alone = _mm256_and_si256(code.part[half], _mm256_set1_epi32(255));
            const __m256i entry = _mm256_add_epi32(alone, first_entry[half]);
            _mm256_storeu_ps(out + 8 * half, _mm256_i32gather_ps(table, entry, sizeof(float)));
            code.part[half] = _mm256_srli_epi32(code.part[half], 8);
          }
        }
      });
    }
    if (job.per_row) table += panel_rows * job.table_size;
  }
}

constexpr IsaCode isa_code = isa_code_of<Avx2>();

template <WeightForm form, Activations activations>
constexpr KernelCode kernel_code() {
  if constexpr (form == WeightForm::floats) {
    return {&isa_code, nullptr, nullptr};
  } else if constexpr (activations == Activations::floats) {
    return {&isa_code, unpack_floats<form>, nullptr};
  } else {
    constexpr auto unpack =
        form == WeightForm::bits8 ? nullptr : unpack_quads<form, Avx2, SharedWeights<form>>;
    return {&isa_code, unpack, fused<Avx2, SharedWeights<form>>};
  }
}

}  // namespace

#define LACONIC_AVX2(form, activations)                      \
  extern const KernelCode form##_##activations##_avx2_code = \
      kernel_code<WeightForm::form, Activations::activations>();
#include "kernels/kernels.inc"

}  // namespace laconic
