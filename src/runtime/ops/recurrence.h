// What RNN, GRU and LSTM share: sequences, directions, states, products with constant or computed
// weights.

#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/layer.h"
#include "runtime/ops/plain_products.h"
#include "runtime/ops/recurrent_activations.h"

namespace laconic::runtime {

/// One sample's part of a step.
struct StepRow {
  const float *x, *h, *c;
  float *next_h, *next_c, *sums;
};

/// What a step reads and writes, for the whole batch: `x` is the projected input.
struct StepMemory {
  const Memory& memory;
  std::int64_t batch, hidden, width;  ///< width: of all gates.
  const float* x;
  std::int64_t x_stride;
  const float *h, *c, *peepholes;
  float *next_h, *next_c, *sums;

  [[nodiscard]] StepRow row(std::int64_t b) const {
    const auto at = b * hidden;
    return {x + b * x_stride, h + at, c + at, next_h + at, next_c + at, sums + b * width};
  }
};

/// Rows of a weight tensor that are multiplied with, by a packed layer or, where they are computed,
/// from memory.
struct RowProduct {
  std::shared_ptr<const Layer<PackedLinear>> layer;
  std::size_t input = 1;    ///< Of the node: the weights.
  std::int64_t offset = 0;  ///< Of the rows in it.
  std::int64_t inputs = 0, outputs = 0;
  std::int64_t bias = -1;  ///< Offset in input 3, or none.

  /// y = x W^T + bias for so many rows; y's rows are `stride` apart.
  void run(const Memory& memory, const float* x, std::int64_t rows, float* y,
           std::int64_t stride) const;
  void run(const StepMemory& step, const float* x, float* y) const {
    run(step.memory, x, step.batch, y, step.width);
  }
};

/// What one direction multiplies with, and its settings.
struct Direction {
  RowProduct input;
  std::vector<RowProduct> recurrent;
  std::span<const Activation> activations;
  std::int64_t hidden = 0;
  float clip = 0;        ///< 0: none.
  bool variant = false;  ///< GRU: linear_before_reset; LSTM: input_forget.
  bool backwards = false;
};

/// What distinguishes the three operators.
struct RecurrentKind {
  void (*step)(const Direction&, const StepMemory&);
  std::span<const std::int64_t> products;  ///< Gates that each product with the state computes.
  std::string_view variant;                ///< Attribute.
  std::span<const std::string_view> activations;
  bool has_cell;
};

[[nodiscard]] Planned plan_recurrence(const Call& call, const RecurrentKind& kind);

}  // namespace laconic::runtime
