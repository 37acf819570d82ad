#include "runtime/ops/plain_products.h"

#include <algorithm>

#include "runtime/loops.h"

namespace laconic::runtime {
namespace {

/// Calls body(y position, x position, tap) for every tap of every window that lies within x.
template <typename Body>
void each_tap(const PlainConv& conv, Body body) {
  std::int64_t y_at = 0;
  for (std::int64_t a = 0; a < conv.y[0]; ++a) {
    for (std::int64_t b = 0; b < conv.y[1]; ++b) {
      for (std::int64_t c = 0; c < conv.y[2]; ++c, ++y_at) {
        std::int64_t tap = 0;
        const std::int64_t at[] = {a, b, c};
        const auto position = [&](std::size_t axis, std::int64_t k) {
          return at[axis] * conv.strides[axis] + k * conv.dilations[axis] - conv.begins[axis];
        };
        for (std::int64_t i = 0; i < conv.kernel[0]; ++i) {
          for (std::int64_t j = 0; j < conv.kernel[1]; ++j) {
            for (std::int64_t k = 0; k < conv.kernel[2]; ++k, ++tap) {
              const auto p = position(0, i), q = position(1, j), r = position(2, k);
              if (p < 0 || p >= conv.x[0] || q < 0 || q >= conv.x[1] || r < 0 || r >= conv.x[2])
                continue;
              body(y_at, (p * conv.x[1] + q) * conv.x[2] + r, tap);
            }
          }
        }
      }
    }
  }
}

std::int64_t product(const Integers& extents) {
  return extents[0] * extents[1] * extents[2];
}

}  // namespace

void PlainProduct::run(const float* a, const float* b, float* c) const {
  parallel_ranges(m, n * k / 2, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      float* row = c + i * n;
      std::fill_n(row, n, 0.0F);
      for (std::int64_t l = 0; l < k; ++l) {
        const float x = factor * a[i * a_row + l * a_col];
        const float* w = b + l * b_row;
        if (b_col == 1) {
          for (std::int64_t j = 0; j < n; ++j) row[j] += x * w[j];
        } else {
          for (std::int64_t j = 0; j < n; ++j) row[j] += x * w[j * b_col];
        }
      }
    }
  });
}

void PlainConv::run(const float* x_data, const float* weights, const float* bias,
                    float* y_data) const {
  const auto x_count = product(x), y_count = product(y), taps = product(kernel);
  const auto group_in = in / groups, group_out = out / groups;
  const auto body = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t plane = first; plane < last; ++plane) {
      const auto n = plane / out, o = plane % out;
      float* to = y_data + plane * y_count;
      std::fill_n(to, y_count, bias != nullptr ? bias[o] : 0.0F);
      for (std::int64_t c = 0; c < group_in; ++c) {
        const float* from = x_data + (n * in + o / group_out * group_in + c) * x_count;
        const float* w = weights + (o * group_in + c) * taps;
        each_tap(*this, [&](auto y_at, auto x_at, auto tap) { to[y_at] += w[tap] * from[x_at]; });
      }
    }
  };
  parallel_ranges(batch * out, y_count * taps * group_in, body);
}

void PlainConv::run_transposed(const float* data, const float* weights, const float* bias,
                               float* result) const {
  const auto x_count = product(x), y_count = product(y), taps = product(kernel);
  const auto group_in = in / groups, group_out = out / groups;
  const auto body = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t plane = first; plane < last; ++plane) {
      const auto n = plane / out, o = plane % out, group = o / group_out;
      float* to = result + plane * x_count;
      std::fill_n(to, x_count, bias != nullptr ? bias[o] : 0.0F);
      for (std::int64_t c = group * group_in; c < (group + 1) * group_in; ++c) {
        const float* from = data + (n * in + c) * y_count;
        const float* w = weights + (c * group_out + o % group_out) * taps;
        each_tap(*this, [&](auto y_at, auto x_at, auto tap) { to[x_at] += w[tap] * from[y_at]; });
      }
    }
  };
  parallel_ranges(batch * out, y_count * taps * group_in, body);
}

}  // namespace laconic::runtime
