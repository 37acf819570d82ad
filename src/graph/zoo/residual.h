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
  std::int64_t dilation = 1;
};

void residual_block(Builder& net, const std::string& name, const BlockOptions& options);

}  // namespace laconic
