// Stands in for c10d.cpp where Gloo's headers are missing.

#include "laconic/error.h"
#include "train/processes/transport.h"

namespace laconic {

std::unique_ptr<Transport> connect(const ProcessPlace& place, std::chrono::seconds) {
  fail(ErrorCode::unsupported_hardware,
       "this build cannot join {} processes: it was made without Gloo's headers (Debian: "
       "libgloo-dev), which LibTorch's c10d needs",
       place.size);
}

}  // namespace laconic
