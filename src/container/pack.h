// General compression of what is not indices: the graph, the table of contents, codebooks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace laconic::container {

/// How bytes are stored; numbers are those of the format.
enum class Packing : std::uint8_t {
  plain = 0,
  zstd = 1,  ///< A Zstandard frame with its content size, less the magic number.
};

struct Packed {
  Packing packing = Packing::plain;
  std::vector<std::byte> bytes;
};

/// The smaller of both.
[[nodiscard]] Packed pack(std::vector<std::byte> bytes);

/// How many bytes unpack() will give: no more than 32,768 for each byte of `stored`. Throws
/// Error(corrupt_data) unless `stored` is exactly one packed whole. `part` is what messages call
/// it: "the graph".
[[nodiscard]] std::uint64_t unpacked_size(Packing packing, std::span<const std::byte> stored,
                                          std::string_view part);

/// Throws Error(corrupt_data).
[[nodiscard]] std::vector<std::byte> unpack(Packing packing, std::span<const std::byte> stored,
                                            std::string_view part);

}  // namespace laconic::container
