// The rows of kernels.inc, as they are listed and as they are called.

#include <array>

#include "kernels/code.h"

namespace laconic {

#define LACONIC_SCALAR(form, activations) \
  extern const KernelCode form##_##activations##_scalar_code;
#define LACONIC_AVX2(form, activations) extern const KernelCode form##_##activations##_avx2_code;
#define LACONIC_AVX512(form, activations) \
  extern const KernelCode form##_##activations##_avx512_code;
#define LACONIC_AMX(form, activations) extern const KernelCode form##_##activations##_amx_code;
#define LACONIC_NEON(form, activations) extern const KernelCode form##_##activations##_neon_code;
#include "kernels/kernels.inc"

namespace {

#define LACONIC_ROW(form, activations, isa) \
  Kernel{#form "_" #activations "_" #isa, WeightForm::form, Activations::activations, Isa::isa},
#define LACONIC_SCALAR(form, activations) LACONIC_ROW(form, activations, scalar)
#if defined(__x86_64__)
#define LACONIC_AVX2(form, activations) LACONIC_ROW(form, activations, avx2)
#define LACONIC_AVX512(form, activations) LACONIC_ROW(form, activations, avx512)
#define LACONIC_AMX(form, activations) LACONIC_ROW(form, activations, amx)
#elif defined(__aarch64__)
#define LACONIC_NEON(form, activations) LACONIC_ROW(form, activations, neon)
#endif
constexpr std::array table = {
#include "kernels/kernels.inc"
};

#define LACONIC_SCALAR(form, activations) &form##_##activations##_scalar_code,
#if defined(__x86_64__)
#define LACONIC_AVX2(form, activations) &form##_##activations##_avx2_code,
#define LACONIC_AVX512(form, activations) &form##_##activations##_avx512_code,
#define LACONIC_AMX(form, activations) &form##_##activations##_amx_code,
#elif defined(__aarch64__)
#define LACONIC_NEON(form, activations) &form##_##activations##_neon_code,
#endif
const std::array<const KernelCode*, table.size()> codes = {
#include "kernels/kernels.inc"
};

}  // namespace

std::span<const Kernel> kernels() noexcept {
  return table;
}

const KernelCode& code_of(const Kernel& kernel) noexcept {
  return *codes[static_cast<std::size_t>(&kernel - table.data())];
}

const IsaCode& float_code() {
  const Kernel* best = nullptr;
  for (const Kernel& kernel : table) {
    const bool fits = kernel.form == WeightForm::floats && kernel.isa <= active_isa();
    if (fits && (best == nullptr || kernel.isa > best->isa)) best = &kernel;
  }
  return *code_of(*best).isa;
}

NonlinearityCode nonlinearity_code() {
  return float_code().apply;
}

std::string_view name(WeightForm form) noexcept {
  switch (form) {
    case WeightForm::bits1:
      return "bits1";
    case WeightForm::trits5:
      return "trits5";
    case WeightForm::bits2:
      return "bits2";
    case WeightForm::bits4:
      return "bits4";
    case WeightForm::bits8:
      return "bits8";
    case WeightForm::floats:
      return "floats";
  }
  return "unknown";
}

std::string_view name(Activations activations) noexcept {
  return activations == Activations::floats ? "floats" : "int8";
}

}  // namespace laconic
