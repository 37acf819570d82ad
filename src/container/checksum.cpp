#include "container/checksum.h"

#include <xxhash.h>

namespace laconic::container {

std::uint32_t checksum(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
}

}  // namespace laconic::container
