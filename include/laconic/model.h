// A whole compressed network: the graph and its tensors, to a .lac file and back.

#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "laconic/container.h"
#include "laconic/graph.h"
#include "laconic/method.h"

namespace laconic {

/// The graph's float32 constants are all in `tensors`; `graph` itself holds the others only.
struct CompressedNetwork {
  Graph graph;
  QuantizedModel tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

/// The bytes of the file that save() would write. Equal input, equal bytes.
[[nodiscard]] std::vector<std::byte> pack(const CompressedNetwork& network);

/// What such bytes hold, tensors decoded in parallel. Throws Error(corrupt_data) for any other
/// bytes.
[[nodiscard]] CompressedNetwork unpack(std::span<const std::byte> bytes,
                                       const ReadLimits& limits = {});

/// Writes the file whole or not at all. Throws Error(cannot_write).
SizeReport save(const CompressedNetwork& network, const std::filesystem::path& path);

/// Reads a file that save() wrote, as unpack() does. Throws Error(corrupt_data) for any
/// other bytes, Error(invalid_data) for a file that is missing.
[[nodiscard]] CompressedNetwork load(const std::filesystem::path& path,
                                     const ReadLimits& limits = {});

/// The graph with all its constants, as floats.
[[nodiscard]] Graph to_graph(const CompressedNetwork& network);

/// Whether the file begins as .lac files do. Throws Error(invalid_data) if it cannot be read.
[[nodiscard]] bool is_compressed_file(const std::filesystem::path& path);

}  // namespace laconic
