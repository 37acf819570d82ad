// Kernels for AVX-512 with VBMI, which looks bytes up, and VNNI, which multiplies them.

#include <immintrin.h>

#include "kernels/avx512_weights.h"
#include "kernels/codes.h"
#include "kernels/fused.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

struct Avx512 {
  static constexpr int tile_panels = 2;
  static constexpr int tile_columns = 12;
  static constexpr int fused_panels = 4;
  static constexpr int fused_columns = 4;
  static constexpr int prefetch_distance = 2048;

  using Acc = __m512i;
  using Bytes = __m512i;
  using Floats = __m512;

  static Acc zero() { return _mm512_setzero_si512(); }
  static Floats zero_floats() { return _mm512_setzero_ps(); }

  /// GCC 12 copies the sum before and after its intrinsic for this instruction, which halves the
  /// speed of a tile.
  static Acc dot(Acc sum, Bytes x, Bytes w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
  static Acc add_sums(Acc a, Acc b) { return _mm512_add_epi32(a, b); }

  static Bytes load(const std::byte* from) { return _mm512_loadu_si512(from); }
  static Bytes repeat(const std::byte* from) {
    std::int32_t four;
    __builtin_memcpy(&four, from, 4);
    return _mm512_set1_epi32(four);
  }
  static void prefetch(const std::byte* from) { _mm_prefetch(from, _MM_HINT_T0); }

  static Floats floats(Acc sum) { return _mm512_cvtepi32_ps(sum); }
  static Floats load_floats(const float* from) { return _mm512_loadu_ps(from); }
  static void store_floats(float* to, Floats from) { _mm512_storeu_ps(to, from); }
  static Floats repeat_float(const float* from) { return _mm512_set1_ps(*from); }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm512_fmadd_ps(a, b, sum); }
};

constexpr IsaCode isa_code = isa_code_of<Avx512>();

template <WeightForm form, Activations activations>
constexpr KernelCode kernel_code() {
  if constexpr (form == WeightForm::floats) {
    return {&isa_code, nullptr, nullptr};
  } else if constexpr (activations == Activations::floats) {
    return {&isa_code, unpack_floats<form>, nullptr};
  } else if constexpr (form == WeightForm::bits8) {
    return {&isa_code, copy_levels, fused<Avx512, PlainWeights>};
  } else {
    return {&isa_code, unpack_int8<form>, fused<Avx512, SharedWeights<form>>};
  }
}

}  // namespace

#define LACONIC_AVX512(form, activations)                      \
  extern const KernelCode form##_##activations##_avx512_code = \
      kernel_code<WeightForm::form, Activations::activations>();
#include "kernels/kernels.inc"

}  // namespace laconic
