// Checksums of the format: the lowest 32 bits of XXH3.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace laconic::container {

[[nodiscard]] std::uint32_t checksum(std::span<const std::byte> bytes,
                                     std::uint64_t seed = 0) noexcept;

}  // namespace laconic::container
