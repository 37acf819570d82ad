// Which of the x86-64 loops this CPU can run.

#include <array>

#include "entropy/rans_loops.h"
#include "entropy/rans_x86.h"

namespace laconic {

std::span<const RansLoops> rans_loops() noexcept {
  static constexpr std::array table{
      RansLoops{"avx512", rans_decode_avx512, rans_encode_avx512},
      RansLoops{"avx2", rans_decode_avx2, nullptr},
      RansLoops{"scalar", nullptr, nullptr},
  };
  static const std::size_t first = [] {
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl");
    if (avx512) return 0;
    return __builtin_cpu_supports("avx2") ? 1 : 2;
  }();
  return std::span(table).subspan(first);
}

}  // namespace laconic
