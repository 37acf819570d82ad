// The codebooks of a file, each stored once: a step and a first multiple where levels are evenly
// spaced, else a list; numbers in 16 bits where that is exact.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "container/numbers.h"
#include "core/bytes.h"
#include "laconic/quantized_tensor.h"

namespace laconic::container {

/// Collects the distinct codebooks of a file being written.
class CodebookCollector {
 public:
  /// Number of the codebook with exactly these levels, to the bit, in order of first use.
  std::uint64_t add(const Codebook& codebook);

  [[nodiscard]] std::uint64_t size() const noexcept { return codebooks_.size(); }

  [[nodiscard]] std::vector<std::byte> encode() const;

 private:
  std::vector<Codebook> codebooks_;
  std::unordered_multimap<std::uint64_t, std::uint64_t> numbers_;  ///< By hash of the levels.
};

/// The codebooks of a file being read. Levels are computed at first use, so a file costs memory in
/// proportion to its bytes until tensors are read. Safe to use from many threads at once.
class CodebookTable {
 public:
  /// Throws Error(corrupt_data), or Error(invalid_data) if all levels together are more than
  /// `max_levels`.
  CodebookTable(std::span<const std::byte> bytes, std::uint64_t max_levels);

  [[nodiscard]] std::uint64_t size() const noexcept { return stored_.size(); }

  /// Throws Error(corrupt_data) if the levels are not those of a codebook.
  [[nodiscard]] Codebook get(std::uint64_t number) const;

 private:
  struct Stored {
    bool even = false;
    NumberFormat format = NumberFormat::float32;
    std::uint64_t levels = 0;
    std::int64_t first = 0;          ///< Of an even one.
    std::span<const float> numbers;  ///< The step, or the levels.
  };
  void read_forms(ByteReader& reader, std::uint64_t count);
  void read_numbers(ByteReader& reader);
  [[nodiscard]] Codebook build(std::uint64_t number) const;

  std::vector<Stored> stored_;
  std::array<std::vector<float>, number_formats> numbers_;
  mutable std::mutex mutex_;
  mutable std::vector<std::optional<Codebook>> built_;
};

}  // namespace laconic::container
