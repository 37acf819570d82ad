#include "kernels/aligned.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace laconic {

void ask_for_large_pages([[maybe_unused]] void* memory,
                         [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__)
  // A wish that may not be granted: what comes of it is the same memory.
  static_cast<void>(madvise(memory, bytes / large_page * large_page, MADV_HUGEPAGE));
#endif
}

}  // namespace laconic
