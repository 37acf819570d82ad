// What an index's neighbours say of it: its expected value and scale, as numbers of small classes.
//
// Values are indices less zero's. Each output channel is walked in storage order, as slices of a
// kernel (see slice_predictor.h) of one input channel each; a tensor without a kernel has slices of
// one. Two output channels are walked side by side, each in a lane of its own: what one lane waits
// for, the processor can use for the other.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "entropy/logistic.h"
#include "entropy/slice_predictor.h"
#include "laconic/quantized_tensor.h"

namespace laconic {

/// How a tensor is walked: output channels of `inputs` slices of `taps`.
struct Walk {
  explicit Walk(const Shape& shape);
  std::size_t outputs = 1;
  std::size_t inputs = 1;
  std::size_t taps = 1;
  std::size_t width = 1;  ///< Taps in a row of a slice.
};

/// Contexts of one index. A context whose neighbours have all signs turned is the same context,
/// `mirrored`: values are distributed alike, with their signs turned.
struct Contexts {
  struct One {
    std::uint32_t number;
    std::uint32_t mirrored;  ///< 0 or 1.
  };
  One predicted;  ///< Expected value and scale.
  One adjacent;   ///< The values to the left and above.
  One magnitude;  ///< Scale of magnitudes alone.
};

class Neighbourhood {
 public:
  static constexpr std::uint32_t scales = 32;       ///< Classes of a scale, quarters of an octave.
  static constexpr int unit_scale = 17;             ///< The class of scale 1.
  static constexpr std::uint32_t expectations = 8;  ///< Classes of |expected value|.
  static constexpr int max_adjacent = 3;            ///< Adjacent values are clamped to that.
  static constexpr std::uint32_t adjacent_pairs = 49;
  static constexpr std::uint32_t borders = 4;  ///< Neither neighbour, the left, the upper, both.
  static constexpr std::size_t lanes = 2;

  explicit Neighbourhood(const Walk& walk);

  /// Begins with the next `lanes` output channels. Each is walked through whole by calls of
  /// contexts() and observe(), each for one index.
  void begin_outputs();

  /// Of the next index of a lane.
  [[nodiscard]] Contexts contexts(std::size_t number) {
    Lane& lane = lanes_[number];
    const Tap& tap = taps_[lane.tap];
    lane.expected = predictor_.predict(lane.tap, lane.residuals.data());
    const int channels = 13 * (logistic::log2(lane.sum * column_sums_[lane.input] | 1) -
                               logistic::log2(lane.count * (column_count_ + lanes * lane.tap) | 1));
    const int slice = logistic::log2(lane.slice_sum);
    const Pair& pair = pairs[7 * lane.adjacent[tap.left] + lane.adjacent[tap.above]];
    return {{expectation_class(std::abs(lane.expected)) * scales +
                 scale_class(tap.scale + ((channels + 4 * slice) >> 4)),
             lane.expected < 0},
            {tap.border + pair.number, pair.mirrored},
            {scale_class(tap.spread + ((channels + 8 * slice) >> 4)), 0}};
  }

  /// Takes the next index of a lane, less zero's.
  void observe(std::size_t number, int value) {
    Lane& lane = lanes_[number];
    const int clamped = std::clamp(value, -255, 255);
    const std::int64_t residual = 256 * clamped - lane.expected;
    const std::int64_t relative = std::min<std::int64_t>(
        (std::abs(residual) * predictor_.inverse_deviation(lane.tap)) >> 16, max_relative);
    const auto excess = static_cast<std::uint64_t>(relative);
    lane.values[lane.tap] = clamped;
    lane.residuals[lane.tap] = static_cast<std::int32_t>(residual);
    lane.adjacent[lane.tap + 1] =
        static_cast<std::uint32_t>(std::clamp(value, -max_adjacent, max_adjacent) + max_adjacent);
    lane.sum += excess;
    ++lane.count;
    lane.slice_sum += excess;
    column_sums_[lane.input] += excess;
    if (++lane.tap == walk_.taps) end_slice(lane);
  }

 private:
  static constexpr std::int64_t max_relative = 2048;

  /// What is known of a tap before its slice.
  struct Tap {
    std::uint32_t left, above;  ///< Positions in Lane::adjacent.
    std::uint32_t border;       ///< Number of the first context of such borders.
    int scale, spread;          ///< Logarithms, before what the neighbourhood adds.
  };

  /// An output channel under way. Sums are of residuals relative to their deviation, in 1/256ths,
  /// and start as if a few usual ones had been seen.
  struct Lane {
    std::uint64_t sum, count;  ///< Of the channel so far.
    std::uint64_t slice_sum;   ///< Of the slice so far.
    std::size_t input, tap;
    std::int64_t expected;  ///< Value of the next index.
    std::array<std::int32_t, SlicePredictor::max_taps> values, residuals;
    /// Clamped values from position 1 on, plus max_adjacent; position 0 stands for none.
    std::array<std::uint32_t, SlicePredictor::max_taps + 1> adjacent;
  };

  /// Context of two adjacent values.
  struct Pair {
    std::uint32_t number, mirrored;
  };

  static constexpr auto pairs = [] {
    std::array<Pair, adjacent_pairs> table{};
    for (int left = -max_adjacent; left <= max_adjacent; ++left) {
      for (int above = -max_adjacent; above <= max_adjacent; ++above) {
        const int difference = 7 * left + above, middle = 24;
        table[static_cast<std::size_t>(middle + difference)] = {
            static_cast<std::uint32_t>(middle + std::max(difference, -difference)), difference < 0};
      }
    }
    return table;
  }();

  /// By |expected value| in 1/32nds, up to 2.
  static constexpr auto expectation_classes = [] {
    constexpr std::array bounds{2, 5, 10, 16, 26, 38, 64};
    std::array<std::uint8_t, 65> table{};
    for (int i = 0; i <= 64; ++i) {
      for (const int bound : bounds) table[static_cast<std::size_t>(i)] += i >= bound;
    }
    return table;
  }();

  static std::uint32_t expectation_class(std::int64_t magnitude) {
    return expectation_classes[static_cast<std::size_t>(
        std::min<std::int64_t>(magnitude >> 3, 64))];
  }

  static std::uint32_t scale_class(int log_scale) {
    const int quarter = ((4 * log_scale + 128) >> 8) + unit_scale;
    return static_cast<std::uint32_t>(std::clamp(quarter, 0, static_cast<int>(scales) - 1));
  }

  void end_slice(Lane& lane);
  void refresh_taps();

  Walk walk_;
  SlicePredictor predictor_;
  std::vector<Tap> taps_;
  std::vector<std::uint64_t> column_sums_;  ///< By input channel; as Lane's.
  std::uint64_t column_count_ = 0;          ///< Of the output channels before those under way.
  std::array<Lane, lanes> lanes_{};
};

}  // namespace laconic
