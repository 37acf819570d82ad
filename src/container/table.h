// The table of contents: what a file says of its tensors, and its metadata. Whatever several
// tensors have in common is stored once, and the rest in columns, which pack better than rows.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "container/dense.h"
#include "laconic/container.h"

namespace laconic::container {

/// An entropy coder that holds indices in this file.
struct CoderRecord {
  std::uint8_t id = 0;
  std::string spec;  ///< Empty: the member of that id with its default options.

  auto operator<=>(const CoderRecord&) const = default;
};

/// How a tensor names the codebooks of its blocks; numbers are those of the format.
enum class References : std::uint8_t {
  next = 0,  ///< Codebooks not used before, in order.
  same = 1,  ///< One for all blocks.
  list = 2,  ///< One for each block.
};

/// What many tensors have in common.
struct Recipe {
  bool quantized = false;
  DenseStorage storage = DenseStorage::planes;  ///< Dense tensors only, as is `format`.
  NumberFormat format = NumberFormat::float32;
  std::uint64_t quantizer = 0;  ///< In Table::quantizers. Quantized only, as all that follows.
  std::uint64_t coder = 0;      ///< One more than its place in Table::coders; 0: no indices stored.
  std::uint64_t blocks = 0;     ///< 0: one block; 1: one for each slice of axis 0; else size + 2.
  References references = References::next;

  auto operator<=>(const Recipe&) const = default;
};

struct TensorRecord {
  std::string name;
  Shape shape;
  Recipe recipe;
  std::vector<std::uint64_t>
      codebooks;                     ///< None for `next`, one for `same`, one per block for `list`.
  std::uint64_t first_codebook = 0;  ///< Set by decode_table(): what `next` begins with.
  std::uint64_t bytes = 0;           ///< Of its payload.
};

struct Table {
  std::map<std::string, std::string, std::less<>> metadata;
  std::vector<std::string> quantizers;
  std::vector<CoderRecord> coders;
  std::vector<TensorRecord> tensors;
};

/// Weights per block by a recipe, and the number of blocks.
[[nodiscard]] std::int64_t block_size(const TensorRecord& tensor) noexcept;
[[nodiscard]] std::uint64_t block_count(const TensorRecord& tensor) noexcept;

/// The smallest `blocks` of a recipe that gives this block size.
[[nodiscard]] std::uint64_t block_rule(const Shape& shape, std::int64_t block_size) noexcept;

[[nodiscard]] std::vector<std::byte> encode_table(const Table& table);

/// `codebooks` is the number of codebooks in the file. Throws Error(corrupt_data) for anything that
/// encode_table() cannot have written, Error(invalid_data) for more than `limits` allow.
[[nodiscard]] Table decode_table(std::span<const std::byte> bytes, std::uint64_t codebooks,
                                 const ReadLimits& limits);

}  // namespace laconic::container
