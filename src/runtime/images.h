// Values of images in memory: channels first, as ONNX has them, or channels last, as kernels like
// them better. Shapes are ONNX's in both; only the order of the elements differs.

#pragma once

#include <algorithm>

#include "runtime/operator.h"
#include "runtime/strides.h"

namespace laconic::runtime {

/// What channels_last() gives nodes whose output may be in either order.
inline constexpr std::string_view channels_last_key = "laconic.channels_last";

[[nodiscard]] inline Layout output_layout(const Call& call) {
  return call.node.has(channels_last_key) ? Layout::channels_last : Layout::channels_first;
}

/// A value of images as planes of positions, each with lanes that are treated alike.
struct Images {
  std::int64_t planes = 0, positions = 0, lanes = 0;
  std::int64_t plane_step = 0, lane_step = 0, position_step = 0;
  std::int64_t inner_planes = 1;  ///< Planes that lie `lane_step` apart before the next plane_step.

  [[nodiscard]] std::int64_t plane(std::int64_t i) const noexcept {
    return i / inner_planes * plane_step + i % inner_planes * lane_step;
  }
};

/// How to walk over `value` together with `other`, which has as many images and channels: channels
/// are planes where both have them first, lanes elsewhere.
[[nodiscard]] inline Images images(const Signature& value, const Signature& other) {
  const auto channels = value.shape[1];
  Images out;
  out.positions = extent_product(value.shape, 2, value.rank());
  const bool last = value.layout == Layout::channels_last;
  out.plane_step = channels * out.positions;
  out.lane_step = last ? 1 : out.positions;
  out.position_step = last ? channels : 1;
  const bool planes = !last && other.layout == Layout::channels_first;
  out.inner_planes = planes ? channels : 1;
  out.lanes = planes ? 1 : channels;
  out.planes = value.shape[0] * out.inner_planes;
  return out;
}

/// Numbers of the axes in the order in which the elements lie.
[[nodiscard]] inline Integers stored_order(Integers of_axes, Layout layout) {
  if (layout == Layout::channels_last) {
    std::rotate(of_axes.begin() + 1, of_axes.begin() + 2, of_axes.end());
  }
  return of_axes;
}

/// The extents in that order, and what position `axis` has among them.
[[nodiscard]] inline Shape stored_shape(const Signature& value) {
  return stored_order(value.shape, value.layout);
}

/// Strides of a value that is broadcast to `output`, along the axes in the order in which the
/// output's elements lie, wherever either has its channels.
[[nodiscard]] inline std::vector<std::int64_t> broadcast_walk(const Signature& value,
                                                              const Signature& output) {
  std::vector<std::int64_t> strides = row_major(stored_shape(value));
  if (value.layout == Layout::channels_last) {
    std::rotate(strides.begin() + 1, strides.end() - 1, strides.end());
  }
  for (std::size_t i = 0; i < strides.size(); ++i) {
    if (value.shape[i] == 1) strides[i] = 0;
  }
  strides.insert(strides.begin(), output.shape.size() - strides.size(), 0);
  return stored_order(std::move(strides), output.layout);
}

[[nodiscard]] inline std::int64_t stored_axis(const Signature& value, std::int64_t axis) {
  if (value.layout == Layout::channels_first || axis == 0) return axis;
  return axis == 1 ? value.rank() - 1 : axis - 1;
}

}  // namespace laconic::runtime
