// Residual blocks with shortcuts of option B: a 1x1 convolution where the shape changes.

#pragma once

#include <string>

#include "graph/zoo/builder.h"

namespace laconic {

/// A convolution without bias, padded so that it keeps the extents, and normalisation.
void conv_norm(Builder& net, const std::string& conv, const std::string& norm,
               std::int64_t channels, const ConvOptions& options);

struct BlockOptions {
  std::int64_t channels;
  std::int64_t stride = 1;
  bool bottleneck = false;  ///< 1x1, 3x3, 1x1 to four times the channels; otherwise two 3x3.
  /// Of the 3x3 convolution that the stride is of, and of the 3x3 after it.
  std::int64_t first_dilation = 1, dilation = 1;
};

void residual_block(Builder& net, const std::string& name, const BlockOptions& options);

}  // namespace laconic
