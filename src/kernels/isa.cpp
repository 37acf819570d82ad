// Which instruction sets there are, which of them this CPU has, and which one is to be used.

#include <array>
#include <cstdlib>

#include "laconic/error.h"
#include "laconic/kernels.h"

namespace laconic {
namespace {

constexpr std::array all_isas = {Isa::scalar, Isa::avx2, Isa::avx512};

thread_local std::optional<Isa> scoped_isa;

void check_supported(Isa isa) {
  if (!supported(isa)) {
    fail(ErrorCode::unsupported_hardware, "instruction set '{}' was asked for, which {} lacks",
         name(isa), "this CPU or this build of the library");
  }
}

std::optional<Isa> isa_of_environment() {
  const char* wanted = std::getenv("LACONIC_ISA");
  if (wanted == nullptr || *wanted == '\0') return {};
  for (const Isa isa : all_isas) {
    if (name(isa) == wanted) return isa;
  }
  fail(ErrorCode::invalid_argument, "LACONIC_ISA is '{}', but must be scalar, avx2 or avx512",
       wanted);
}

}  // namespace

std::string_view name(Isa isa) noexcept {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "unknown";
}

bool supported(Isa isa) noexcept {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::scalar:
      return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
             __builtin_cpu_supports("avx512vnni");
  }
  return false;
#else
  return isa == Isa::scalar;
#endif
}

Isa active_isa() {
  if (scoped_isa) return *scoped_isa;
  if (const auto forced = isa_of_environment()) {
    check_supported(*forced);
    return *forced;
  }
  Isa strongest = Isa::scalar;
  for (const Isa isa : all_isas) {
    if (supported(isa)) strongest = isa;
  }
  return strongest;
}

ScopedIsa::ScopedIsa(Isa isa) : previous_(scoped_isa) {
  check_supported(isa);
  scoped_isa = isa;
}

ScopedIsa::~ScopedIsa() {
  scoped_isa = previous_;
}

}  // namespace laconic
