// Walks over values of several axes: rows of elements at regular distances, for operators that
// rearrange or repeat them.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laconic/quantized_tensor.h"

namespace laconic::runtime {

/// Distance of neighbours along each axis of a row-major value, in elements.
[[nodiscard]] std::vector<std::int64_t> row_major(const Shape& shape);

/// Likewise for a value that is broadcast to `output`: 0 where it is repeated.
[[nodiscard]] std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& output);

/// Moves elements from one arrangement to another.
class Copy {
 public:
  /// An element at index i of `extents` is taken from `from_start` + i * `from` and put at
  /// `to_start` + i * `to`, all in elements of `width` bytes.
  Copy(std::size_t width, Shape extents, std::vector<std::int64_t> from,
       std::vector<std::int64_t> to, std::int64_t from_start = 0, std::int64_t to_start = 0);

  void run(const std::byte* from, std::byte* to) const;

 private:
  void rows(const std::byte* from, std::byte* to, std::int64_t first, std::int64_t last) const;

  std::size_t width_;
  Shape extents_;  ///< Neighbouring axes merged where they continue one another; at least one.
  std::vector<std::int64_t> from_, to_;
  std::int64_t from_start_, to_start_;
};

/// Rows of the output of an operator on up to three operands that are broadcast.
template <std::size_t operands>
class Rows {
 public:
  using Strides = std::array<std::vector<std::int64_t>, operands>;

  /// Of operands with such strides along an output's axes.
  Rows(Strides strides, Shape output);

  /// Of row-major operands that are broadcast to `output`.
  [[nodiscard]] static Rows broadcast(const std::array<Shape, operands>& shapes,
                                      const Shape& output);

  [[nodiscard]] std::int64_t count() const noexcept { return rows_; }
  [[nodiscard]] std::int64_t length() const noexcept { return length_; }
  /// Distance of neighbours of a row, 0 or 1.
  [[nodiscard]] std::int64_t step(std::size_t operand) const { return strides_[operand].back(); }
  /// Where row `row` begins.
  [[nodiscard]] std::array<std::int64_t, operands> start(std::int64_t row) const;

 private:
  Shape extents_;
  Strides strides_;
  std::int64_t rows_ = 1, length_ = 1;
};

}  // namespace laconic::runtime
