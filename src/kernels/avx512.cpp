// Kernels for AVX-512 with VBMI, which looks bytes up, and VNNI, which multiplies them.

#include "kernels/avx512_vectors.h"
#include "kernels/avx512_weights.h"
#include "kernels/fused.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

constexpr IsaCode isa_code = isa_code_of<Avx512>();

template <WeightForm form, Activations activations>
constexpr KernelCode kernel_code() {
  if constexpr (form == WeightForm::floats) {
    return {&isa_code, nullptr, nullptr};
  } else if constexpr (activations == Activations::floats) {
    return {&isa_code, unpack_floats<form>, nullptr};
  } else if constexpr (form == WeightForm::bits8) {
    return {&isa_code, nullptr, fused<Avx512, PlainWeights>};
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
