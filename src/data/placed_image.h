// Where an image lies on the canvas that a detector takes.

#pragma once

#include <span>

#include "data/decode_image.h"
#include "laconic/dataset.h"
#include "laconic/detection_data.h"

namespace laconic {

struct Canvas {
  std::int64_t height = 0, width = 0;
};

/// A pixel (x, y) of the image comes to (x * factor + left, y * factor + top), mirrored after that.
struct Placement {
  double factor = 1, left = 0, top = 0;
  bool mirrored = false;
};

/// As large as fits, at the left and top; changed at random by the stream that read() names.
[[nodiscard]] Placement place_image(const Canvas& canvas, std::int64_t height, std::int64_t width,
                                    const Augmentation& augmentation, std::uint64_t seed,
                                    std::int64_t index);

/// Without changes, seen from the canvas.
[[nodiscard]] ShownImage show_image(const Canvas& canvas, std::int64_t height, std::int64_t width);

[[nodiscard]] std::vector<Object> place_objects(const Canvas& canvas, const Placement& placement,
                                                std::span<const Object> objects);

/// Decodes, scales, moves and mirrors an image and fills `out`, [3, height, width] in RGB.
void place_pixels(const Canvas& canvas, const Placement& placement, const EncodedImage& image,
                  const DetectorForm& form, std::span<float> out);

}  // namespace laconic
