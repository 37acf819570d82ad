// Reading and writing compressed models. The byte layout is specified in docs/format.md, which is
// meant to suffice for a second implementation; this header promises only what callers need.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "laconic/streamed_tensor.h"

namespace laconic {

/// Version of the byte layout, not of the software. Readers accept this version and all before it.
inline constexpr std::uint32_t format_version = 1;

/// The first bytes of every file.
inline constexpr unsigned char file_magic[4] = {'L', 'A', 'C', 0x1A};

/// Ceilings on what an untrusted file may ask for, checked before anything is allocated.
struct ReadLimits {
  std::uint64_t max_tensors = 1u << 20;
  std::uint64_t max_elements = std::uint64_t{1}
                               << 34;  ///< Of all tensors; levels, of all codebooks.
  std::uint64_t max_graph_bytes = std::uint64_t{1} << 30;
  /// Table of contents and table of codebooks, each, when unpacked; names together.
  std::uint64_t max_header_bytes = std::uint64_t{1} << 28;
};

/// What the table of contents says of one tensor.
struct TensorEntry {
  std::string name;
  Shape shape;
  std::string quantizer;    ///< Spec that made it; empty for a dense tensor.
  std::string coder;        ///< Spec of the entropy coder that holds its indices; empty if none
                            ///< is needed: dense tensors, codebooks of one level.
  std::uint64_t bytes = 0;  ///< Compressed size of indices or values; codebooks are shared.
};

/// Where the bytes of a file went; the parts add up to `total`, always.
struct SizeReport {
  std::uint64_t header = 0;  ///< Magic, version, table of contents, metadata, checksums.
  std::uint64_t graph = 0;
  std::uint64_t codebooks = 0;  ///< Each distinct codebook once.
  std::uint64_t indices = 0;    ///< Coded indices, with their coders' tables.
  std::uint64_t dense = 0;
  std::uint64_t total = 0;
  std::uint64_t original = 0;  ///< The same tensors at 32 bits a weight.

  [[nodiscard]] double ratio() const noexcept {
    return static_cast<double>(original) / static_cast<double>(total);
  }
};

/// Random access to the tensors of one file. Movable, not copyable; const members may be called
/// from many threads at once. Whatever the bytes, no call reads out of bounds: a bad file throws
/// Error(corrupt_data), a file of a later version Error(unsupported_version), a missing one
/// Error(invalid_data).
class ModelReader {
 public:
  static ModelReader open(const std::filesystem::path& path, const ReadLimits& limits = {});

  /// Does not copy: `bytes` must outlive the reader.
  static ModelReader from_bytes(std::span<const std::byte> bytes, const ReadLimits& limits = {});

  ModelReader(ModelReader&&) noexcept;
  ModelReader& operator=(ModelReader&&) noexcept;
  ~ModelReader();

  /// In the order in which they were written.
  [[nodiscard]] std::span<const TensorEntry> entries() const noexcept;

  /// Null if there is no tensor of that name.
  [[nodiscard]] const TensorEntry* find(std::string_view name) const noexcept;

  /// Decodes one tensor and checks it against its checksum.
  [[nodiscard]] Tensor read(const TensorEntry& entry) const;

  /// Checks a quantized tensor against its checksum and leaves its indices where they are. What it
  /// returns may outlive the reader, keeps a file open, and throws Error(corrupt_data) as read()
  /// does. Throws Error(invalid_argument) for a dense tensor.
  [[nodiscard]] StreamedTensor stream(const TensorEntry& entry) const;

  /// The network's structure as set_graph() was given it; empty if none was stored.
  [[nodiscard]] std::span<const std::byte> graph() const noexcept;

  /// Value of a metadata key, or empty.
  [[nodiscard]] std::string_view metadata(std::string_view key) const noexcept;

  /// In ascending order.
  [[nodiscard]] std::vector<std::string_view> metadata_keys() const;

  /// Where this file's bytes went.
  [[nodiscard]] SizeReport sizes() const noexcept;

 private:
  struct Impl;
  explicit ModelReader(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

/// Writes a file front to back. Equal calls give equal bytes, on every machine. The file appears
/// under its name only when finish() returns; a writer destroyed before that leaves nothing behind.
class ModelWriter {
 public:
  explicit ModelWriter(std::filesystem::path path);
  ModelWriter(ModelWriter&&) noexcept;
  ModelWriter& operator=(ModelWriter&&) noexcept;
  ~ModelWriter();

  /// `coder` is a spec from the coder family; "auto" takes whichever makes this tensor smallest.
  /// Throws Error(invalid_argument) for a name already used or a tensor that is not valid.
  void add(std::string_view name, const Tensor& tensor, std::string_view quantizer = {},
           std::string_view coder = "auto");

  void set_graph(std::span<const std::byte> graph);
  void set_metadata(std::string_view key, std::string_view value);

  /// To be called last, and once, unless it fails. Throws Error(cannot_write) naming the path and
  /// the reason; an Error from a coder that add() was given names the tensor.
  SizeReport finish();

  /// The bytes that finish() would write, without writing them; for searches over sizes.
  [[nodiscard]] std::vector<std::byte> bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace laconic
