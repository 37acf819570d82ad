// The file that a training run is continued from: texts and tensors by name, under one checksum. It
// is read by the version of the program that wrote it, so its layout is nobody else's business.

#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

struct Checkpoint {
  std::map<std::string, std::string, std::less<>> identity;  ///< What run it is of.
  std::map<std::string, std::string, std::less<>> progress;  ///< How far that had come.
  std::map<std::string, DenseTensor, std::less<>> tensors;

  /// A text of `progress`. Throws Error(corrupt_data) if it is not there.
  [[nodiscard]] const std::string& text(std::string_view key) const;
};

/// The checkpoint's file in a run's folder.
[[nodiscard]] std::filesystem::path checkpoint_path(const std::filesystem::path& folder);

/// The bytes of a checkpoint, without the checksum that its file begins with.
[[nodiscard]] std::vector<std::byte> pack_checkpoint(const Checkpoint& checkpoint);

/// Throws Error(corrupt_data) if they are not what was packed.
[[nodiscard]] Checkpoint unpack_checkpoint(std::span<const std::byte> bytes);

/// Replaces the file whole. Throws Error(cannot_write).
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Throws Error(corrupt_data) naming the file if it is not what was written.
[[nodiscard]] Checkpoint read_checkpoint(const std::filesystem::path& path);

/// XXH3 of bytes, as sixteen hexadecimal digits.
[[nodiscard]] std::string digest(std::span<const std::byte> bytes);

}  // namespace laconic
