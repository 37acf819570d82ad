// Mutations of files where they mean something.

#pragma once

#include <cstring>

#include "container_support.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace laconic::testing {

/// The file with all parts of its header as they are when unpacked, where changes mean more than
/// they do within a Zstandard frame.
inline Bytes unpacked(std::span<const std::byte> file, const ReadLimits& limits) {
  using namespace container;
  const Preamble preamble = parse_preamble(file, file.size());
  std::array<Packed, part_count> parts;
  for (std::size_t p = 0; p < part_count; ++p) {
    const PartPlace& place = preamble.parts[p];
    const auto stored = file.subspan(place.offset, place.bytes);
    if (unpacked_size(place.packing, stored, "a part") > limits.max_header_bytes)
      corrupt("too large");
    parts[p].bytes = unpack(place.packing, stored, "a part");
  }
  Bytes out = encode_header(parts);
  const auto payloads = file.subspan(preamble.header_bytes);
  out.insert(out.end(), payloads.begin(), payloads.end());
  return out;
}

/// Mutates a file with its header unpacked, and what is no file as it is.
inline std::size_t mutate_unpacked(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                   const ReadLimits& limits) {
  try {
    const Bytes plain = unpacked(std::as_bytes(std::span(data, size)), limits);
    if (plain.size() <= max_size) {
      std::memcpy(data, plain.data(), plain.size());
      size = plain.size();
    }
  } catch (const Error&) {  // Then it is changed as it is.
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

}  // namespace laconic::testing
