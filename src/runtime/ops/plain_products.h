// Products of values that only a run knows, and convolutions that the packed kernels do not take:
// by plain loops.

#pragma once

#include "runtime/ops/window.h"

namespace laconic::runtime {

/// c[m][n] = factor * sum over k of a[m][k] * b[k][n], operands at any strides, c row-major.
struct PlainProduct {
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t a_row = 0, a_col = 1, b_row = 0, b_col = 1;
  float factor = 1;

  void run(const float* a, const float* b, float* c) const;
};

/// A convolution over up to three spatial axes, channels first.
struct PlainConv {
  std::int64_t batch = 0, groups = 1, in = 0, out = 0;  ///< Channels of all groups.
  Integers kernel, strides, dilations, begins, x, y;    ///< Three each, 1 or 0 in front.

  void run(const float* x_data, const float* weights, const float* bias, float* y_data) const;

  /// As run(), the other way around: x has the extents `y` and is spread over those of `x`.
  /// Weights are in x out of a group.
  void run_transposed(const float* data, const float* weights, const float* bias,
                      float* result) const;
};

}  // namespace laconic::runtime
