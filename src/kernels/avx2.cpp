// Kernels for AVX2.

#include "kernels/avx2_fused.h"
#include "kernels/avx2_sums.h"
#include "kernels/avx2_vectors.h"
#include "kernels/avx2_weights.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

constexpr IsaCode make_isa_code() {
  IsaCode code = isa_code_of<Avx2>();
  code.tile_int8 = tile_int8;
  return code;
}

constexpr IsaCode isa_code = make_isa_code();

template <WeightForm form, Activations activations>
constexpr KernelCode kernel_code() {
  if constexpr (form == WeightForm::floats) {
    return {&isa_code, nullptr, nullptr};
  } else if constexpr (activations == Activations::floats) {
    return {&isa_code, unpack_floats<form>, nullptr};
  } else if constexpr (form == WeightForm::bits8) {
    return {&isa_code, nullptr, fused_int8<SharedWeights<form>>};
  } else {
    return {&isa_code, unpack_int8<form>, fused_int8<SharedWeights<form>>};
  }
}

}  // namespace

#define LACONIC_AVX2(form, activations)                      \
  extern const KernelCode form##_##activations##_avx2_code = \
      kernel_code<WeightForm::form, Activations::activations>();
#include "kernels/kernels.inc"

}  // namespace laconic
