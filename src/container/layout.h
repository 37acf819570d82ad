// Where the parts of a file are: a header, checked as a whole, then sections of payloads, each with
// a checksum of its own.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "container/pack.h"
#include "container/table.h"

namespace laconic::container {

inline constexpr std::size_t checksum_bytes = 4;

/// No preamble is longer.
inline constexpr std::size_t longest_preamble = 64;

/// What the header's parts are, in order.
enum Part : std::size_t { graph_part, table_part, codebooks_part, part_count };

/// A part as it lies in the header.
struct PartPlace {
  Packing packing = Packing::plain;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// The begin of the file: magic number, version, and where the header's parts are.
struct Preamble {
  std::array<PartPlace, part_count> parts;
  std::uint64_t header_bytes = 0;  ///< From the file's first byte to the end of its first checksum.
};

/// Throws Error(corrupt_data) for what is not a file of ours or not whole, and
/// Error(unsupported_version). `begin` is the first longest_preamble bytes, or all.
[[nodiscard]] Preamble parse_preamble(std::span<const std::byte> begin, std::uint64_t file_bytes);

/// The whole header, its checksum included.
[[nodiscard]] std::vector<std::byte> encode_header(const std::array<Packed, part_count>& parts);

/// What the last bytes of a header must be: the checksum of all before.
[[nodiscard]] std::uint32_t header_checksum(std::span<const std::byte> header) noexcept;

/// Throws Error(corrupt_data) unless the header ends in its checksum, which is returned.
std::uint32_t check_header(std::span<const std::byte> header);

/// Payloads that share a checksum, which follows them.
struct Section {
  std::uint64_t offset = 0;  ///< In the file.
  std::uint64_t bytes = 0;   ///< Without the checksum.
};

/// Where a tensor's payload is.
struct Place {
  std::size_t section = 0;   ///< Meaningless if the payload has no bytes.
  std::uint64_t offset = 0;  ///< In the file.
};

struct Sections {
  std::vector<Section> sections;
  std::vector<Place> places;  ///< One for each tensor.
  std::uint64_t end = 0;      ///< Size of the file.
};

/// Small payloads share sections, large ones have their own. Throws Error(corrupt_data) if the file
/// would have more than `limit` bytes.
[[nodiscard]] Sections place(const std::vector<TensorRecord>& tensors, std::uint64_t header_bytes,
                             std::uint64_t limit);

/// What a section's checksum must be: it depends on the header and the section's number too, so
/// that sections cannot change places.
[[nodiscard]] std::uint32_t section_checksum(std::span<const std::byte> payloads,
                                             std::uint32_t header_checksum, std::size_t number);

/// The seed that makes it so.
[[nodiscard]] std::uint64_t section_seed(std::uint32_t header_checksum,
                                         std::size_t number) noexcept;

/// Where the file's bytes went.
[[nodiscard]] SizeReport size_report(const Table& table, const Preamble& preamble,
                                     std::uint64_t file_bytes);

}  // namespace laconic::container
