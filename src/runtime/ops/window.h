// The windows that convolutions and pools slide over the spatial axes of a value.

#pragma once

#include "runtime/operator.h"

namespace laconic::runtime {

/// Extents, steps and pads of a window, one entry per spatial axis.
struct Window {
  Integers kernel, strides, dilations, begins, ends;

  [[nodiscard]] std::size_t rank() const noexcept { return kernel.size(); }

  /// Positions that the window spans on an axis.
  [[nodiscard]] std::int64_t extent(std::size_t i) const {
    return (kernel[i] - 1) * dilations[i] + 1;
  }
};

/// Reads kernel_shape, strides, dilations, pads and auto_pad of a node that slides a window with
/// `kernel` (empty: kernel_shape) over a value with these spatial extents. Throws
/// Error(invalid_data) for numbers that do not fit.
[[nodiscard]] Window read_window(const Call& call, const Shape& spatial, Integers kernel = {});

/// How many windows fit on an axis. With ceil_mode the last may reach beyond the padded end, but
/// must start before it.
[[nodiscard]] std::int64_t window_count(const Call& call, const Window& window, std::int64_t extent,
                                        std::size_t i, bool ceil_mode);

/// The kernel_shape of a convolution, which must be that of its weight.
[[nodiscard]] Integers kernel_of(const Call& call, const Shape& weight);

}  // namespace laconic::runtime
