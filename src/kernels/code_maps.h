// What the indices of a tensor become when it is packed: codes, and the tables that give them
// meaning.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/packed_weights.h"
#include "kernels/round_levels.h"
#include "laconic/quantized_tensor.h"

namespace laconic {

/// What the indices of a codebook become.
struct CodeMap {
  const Codebook* codebook = nullptr;
  RoundedLevels rounded = {};            ///< Of int8 only.
  std::vector<std::uint8_t> codes = {};  ///< One per index.
  bool even = false;  ///< Codes go up by one, and multiples by `step`, from index to index.
  int step = 0;
};

/// One map for each distinct codebook of a tensor, as far as copies share storage or are
/// neighbours.
class CodeMaps {
 public:
  explicit CodeMaps(std::span<const Codebook> codebooks);

  [[nodiscard]] const CodeMap& of_block(std::int64_t block) const {
    return maps_[of_block_[static_cast<std::size_t>(block)]];
  }
  [[nodiscard]] std::size_t count() const { return maps_.size(); }
  [[nodiscard]] std::size_t most_levels() const;

  /// Rounds all codebooks; the largest error.
  float round();

  /// The largest magnitude of a rounded level, in steps.
  [[nodiscard]] int largest_multiple() const;

  /// Codes are indices.
  void number_indices();

  /// Codes are rounded levels, as bytes.
  void number_multiples();

  /// Codes are positions in one table of rounded levels, if at most `most` are distinct; the table,
  /// or nothing.
  [[nodiscard]] std::vector<std::int8_t> number_common(std::size_t most);

 private:
  static void fill(CodeMap& map, std::vector<std::uint8_t> codes);

  std::vector<CodeMap> maps_;
  std::vector<std::uint32_t> of_block_;
};

}  // namespace laconic
