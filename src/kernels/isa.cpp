// Which instruction sets there are, which of them this CPU has, and which one is to be used.

#include <array>
#include <cstdlib>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "laconic/error.h"
#include "laconic/kernels.h"

namespace laconic {
namespace {

constexpr std::array all_isas = {Isa::scalar, Isa::avx2, Isa::avx512, Isa::amx, Isa::neon};

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
  fail(ErrorCode::invalid_argument,
       "LACONIC_ISA is '{}', but must be scalar, avx2, avx512, amx or neon", wanted);
}

/// Whether the CPU multiplies tiles of bytes, and the system keeps tiles for this process: Linux
/// has to be asked, once.
[[maybe_unused]] bool has_tiles() noexcept {
#if defined(__x86_64__) && defined(__linux__)
  static const bool has = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    constexpr unsigned tiles = 1U << 24, bytes = 1U << 25;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
    if ((d & tiles) == 0 || (d & bytes) == 0) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return has;
#else
  return false;
#endif
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
    case Isa::amx:
      return "amx";
    case Isa::neon:
      return "neon";
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
    case Isa::amx:
      return supported(Isa::avx512) && has_tiles();
    case Isa::neon:
      break;
  }
  return false;
#elif defined(__aarch64__) && defined(__linux__)
  return isa == Isa::scalar || (isa == Isa::neon && (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0);
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
