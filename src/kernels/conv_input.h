// The padded copy of an image that convolutions read their windows from: channels last, as bytes
// or as floats.

#pragma once

#include "kernels/packed_weights.h"

namespace laconic {

/// Extents of one convolution of one image.
struct ConvSize {
  std::int64_t channels = 0, height = 0, width = 0;  ///< Of the input.
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t padded_height = 0, padded_width = 0;  ///< What windows reach.
  std::int64_t top = 0, left = 0;                    ///< Where the image lies in that.
  std::int64_t pixel_bytes = 0;                      ///< Of the copy.

  [[nodiscard]] std::int64_t row_bytes() const { return padded_width * pixel_bytes; }
};

[[nodiscard]] ConvSize conv_size(const PackedWeights& packed, std::int64_t height,
                                 std::int64_t width);

/// Writes one row of the copy. `image` is one image in that layout.
void copy_row(const PackedWeights& packed, const ConvSize& size, const float* image, Layout layout,
              const ByteScale& scale, std::int64_t row, std::byte* out);

}  // namespace laconic
