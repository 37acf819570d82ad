// IDX files, the format of MNIST and its successors: a header of extents, then bytes; plain or
// gzip.

#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

struct IdxArray {
  Shape shape;
  std::vector<std::uint8_t> bytes;
};

/// Reads unsigned bytes of so many axes. Throws Error(invalid_data) naming the file if it is
/// missing, cut short, damaged, longer than it says, or something else.
[[nodiscard]] IdxArray read_idx(const std::filesystem::path& path, std::size_t axes);

}  // namespace laconic
