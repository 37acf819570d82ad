// How Resize maps positions of one axis of its output to positions of its input, and by what
// weights it mixes them.

#pragma once

#include "runtime/operator.h"

namespace laconic::runtime {

/// How one axis is resized.
struct ResizedAxis {
  std::int64_t in = 0;
  std::int64_t out = 0;
  double scale = 1;
  double length = 0;  ///< Of the output, before it was rounded to `out`.
  double start = 0;   ///< Region of interest, as fractions of the input.
  double end = 1;
};

/// What the node asks for, whatever its opset.
struct ResizeSettings {
  double (*coordinate)(const ResizedAxis&, double position);
  double (*rounding)(double);
  std::vector<double> (*weights)(const Call& call, double fraction);  ///< Null: nearest.
  bool exclude_outside;
  bool extrapolates;
};

/// Throws Error(invalid_data) or Error(unsupported_operator) for settings that are not known.
[[nodiscard]] ResizeSettings read_resize_settings(const Call& call);

/// For each position of the output, `count` positions of the input and their weights.
struct Taps {
  std::size_t count = 1;
  Integers positions;
  std::vector<float> weights;
  std::vector<bool> outside;  ///< Takes `value` instead.
  float value = 0;
};

[[nodiscard]] Taps make_taps(const Call& call, const ResizeSettings& settings,
                             const ResizedAxis& axis);

}  // namespace laconic::runtime
