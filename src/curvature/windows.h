// The windows that a convolution or pooling node lays over its input, in any number of dimensions.

#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "laconic/graph.h"

namespace laconic::curvature {

struct Windows {
  std::vector<std::int64_t> kernel, strides, dilations, pads_begin;  ///< One per spatial axis.

  /// From the attributes of a Conv or AveragePool node, with auto_pad resolved.
  [[nodiscard]] static Windows of(const Node& node, std::vector<std::int64_t> kernel,
                                  at::IntArrayRef input_shape, at::IntArrayRef output_shape);

  /// [samples, channels, output extents..., kernel extents...]: a view of x, padded with zeros or
  /// cut at its end to where the windows reach.
  [[nodiscard]] at::Tensor over(const at::Tensor& x, at::IntArrayRef output_shape) const;
};

}  // namespace laconic::curvature
