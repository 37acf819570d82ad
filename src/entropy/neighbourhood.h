// What an index's neighbours say of it: its expected value and scale, as numbers of small classes.
//
// Values are indices less zero's. The tensor is walked in storage order, as slices of a kernel
// (see slice_predictor.h) of one input channel each; a tensor without a kernel has slices of one.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "entropy/slice_predictor.h"
#include "laconic/quantized_tensor.h"

namespace laconic {

/// How a tensor is walked: output channels of `inputs` slices of `taps`.
struct Walk {
  explicit Walk(const Shape& shape);
  std::size_t inputs = 1;
  std::size_t taps = 1;
  std::size_t width = 1;  ///< Taps in a row of a slice.
};

/// Contexts of one index. A context in which all signs of the neighbours are turned is the same
/// context with `mirrored` set: values are distributed alike, with their signs turned.
struct Contexts {
  struct One {
    std::uint32_t number;
    bool mirrored;
  };
  One predicted;  ///< Expected value and scale.
  One adjacent;   ///< The values to the left and above.
  One magnitude;  ///< Scale of magnitudes alone.
};

class Neighbourhood {
 public:
  static constexpr std::uint32_t scales = 32;       ///< Classes of a scale, quarters of an octave.
  static constexpr std::uint32_t expectations = 8;  ///< Classes of |expected value|.
  static constexpr int max_adjacent = 3;            ///< Adjacent values are clamped to that.
  static constexpr std::uint32_t adjacents = 4 * 49;

  explicit Neighbourhood(const Walk& walk);

  /// Of the next index.
  [[nodiscard]] Contexts contexts();

  /// Takes the next index, less zero's.
  void observe(int value);

 private:
  [[nodiscard]] Contexts::One adjacent() const;

  Walk walk_;
  SlicePredictor predictor_;
  std::vector<std::uint64_t> column_sums_;   ///< Of relative residuals, by input channel.
  std::uint64_t row_sum_ = 0;                ///< The same of this output channel so far.
  std::uint64_t slice_sum_ = 0;              ///< The same of this slice so far.
  std::uint64_t slice_magnitude_ = 0;        ///< Sum of |value| of this slice so far.
  std::uint64_t magnitude_ = 0, count_ = 0;  ///< Sum and number of all |value|.
  std::uint64_t mean_ = 0;                   ///< Of |value|, in 1/256ths, and its logarithm.
  int log_mean_ = 0;
  std::uint64_t next_mean_ = 0;
  std::size_t output_ = 0, input_ = 0, tap_ = 0;
  std::array<int, SlicePredictor::max_taps> values_{};
  std::int64_t expected_ = 0;
};

}  // namespace laconic
