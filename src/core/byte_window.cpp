#include "core/byte_window.h"

#include <algorithm>
#include <cstring>

namespace laconic {
namespace {

/// Large enough to make calls rare, small beside a core's cache.
constexpr std::size_t usual = std::size_t{1} << 17;

}  // namespace

void ByteWindow::refill(std::size_t least) {
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(std::max(least, usual), left_));
  const std::size_t kept = ahead_.size();
  if (kept > 0) std::memmove(buffer_.data(), ahead_.data(), kept);
  if (buffer_.size() < size) buffer_.resize(size);
  fetch_(fetched_, std::span(buffer_).subspan(kept, size - kept));
  fetched_ += size - kept;
  ahead_ = std::span(buffer_).first(size);
}

}  // namespace laconic
