// MATLAB's MAT-files of level 5: named arrays one after another, each plain or packed by zlib. What
// data sets need of them: arrays of real numbers, little-endian.

#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic {

struct MatArray {
  std::string name;
  std::string_view type;  ///< MATLAB's class: "uint8", "double", "char"; or "complex".
  Shape shape;            ///< Elements are in column-major order: the first axis is the fastest.
};

/// Reads from start to end, each array at most once and into memory that is taken once. All members
/// throw Error(invalid_data) naming the file if it is missing, cut short, damaged or something
/// else; what is passed over is not checked but for its length.
class MatReader {
 public:
  explicit MatReader(const std::filesystem::path& path);

  /// The next array, or nothing at the end. What was not read of the one before is passed over.
  [[nodiscard]] std::optional<MatArray> next();

  /// Elements of the array that next() gave; unsigned bytes only.
  [[nodiscard]] std::vector<std::uint8_t> read_bytes();

  /// Likewise, of any numbers; integers beyond 2^53 are rounded.
  [[nodiscard]] std::vector<double> read_numbers();

 private:
  struct Tag {
    std::uint32_t type, bytes, padding;
  };
  struct EndInflate {
    void operator()(z_stream* stream) const noexcept;
  };

  [[noreturn]] void malformed(std::string_view why) const;
  void check_header();
  void open_array();
  void start_inflate();
  void read_shape();
  std::string read_name();
  Tag read_tag(std::string_view what);
  Tag read_tag(std::string_view what, std::uint32_t type, std::uint32_t most_bytes);
  void check_elements(const Tag& tag, std::uint32_t bytes_each) const;
  void skip_padding(const Tag& tag);
  void expect_end(const Tag& tag);
  std::uint32_t take_word();
  void take(std::span<std::uint8_t> out);
  void read_stored(std::span<std::uint8_t> out);
  std::size_t inflate_some(std::span<std::uint8_t> out);

  std::string path_;
  std::ifstream file_;
  std::uint64_t size_ = 0;       ///< Of the file.
  std::uint64_t at_ = 0;         ///< Where its next byte is read,
  std::uint64_t array_end_ = 0;  ///< and where the current array ends there.
  std::uint64_t left_ = 0;       ///< Bytes of the current array, unpacked, that are still to come.
  Shape shape_;                  ///< Of the current array.
  std::unique_ptr<z_stream, EndInflate> packed_;  ///< None while the array is plain.
  bool packed_ended_ = false;
  std::vector<std::uint8_t> input_;  ///< Of packed_.
};

}  // namespace laconic
