#include "curvature/windows.h"

#include <algorithm>

namespace laconic::curvature {
namespace {

/// Length of input that `count` windows span.
std::int64_t span_of(std::int64_t count, std::int64_t kernel, std::int64_t stride,
                     std::int64_t dilation) {
  return (count - 1) * stride + (kernel - 1) * dilation + 1;
}

}  // namespace

Windows Windows::of(const Node& node, std::vector<std::int64_t> kernel, at::IntArrayRef input_shape,
                    at::IntArrayRef output_shape) {
  const std::size_t axes = kernel.size();
  Windows windows{.kernel = std::move(kernel),
                  .strides = node.integers("strides", std::vector<std::int64_t>(axes, 1)),
                  .dilations = node.integers("dilations", std::vector<std::int64_t>(axes, 1)),
                  .pads_begin = std::vector<std::int64_t>(axes, 0)};
  const std::string same = node.text("auto_pad", "NOTSET");
  const auto pads = node.integers("pads", std::vector<std::int64_t>(2 * axes, 0));
  for (std::size_t i = 0; i < axes; ++i) {
    if (same == "NOTSET") {
      windows.pads_begin[i] = pads[i];
    } else if (same != "VALID") {
      const std::int64_t reach =
          span_of(output_shape[i + 2], windows.kernel[i], windows.strides[i], windows.dilations[i]);
      const std::int64_t total = std::max<std::int64_t>(0, reach - input_shape[i + 2]);
      windows.pads_begin[i] = same == "SAME_UPPER" ? total / 2 : total - total / 2;
    }
  }
  return windows;
}

at::Tensor Windows::over(const at::Tensor& x, at::IntArrayRef output_shape) const {
  std::vector<std::int64_t> pads;  // innermost axis first, as constant_pad_nd wants them
  for (std::size_t i = kernel.size(); i-- > 0;) {
    const std::int64_t reach = span_of(output_shape[i + 2], kernel[i], strides[i], dilations[i]);
    pads.push_back(pads_begin[i]);
    pads.push_back(reach - pads_begin[i] - x.size(static_cast<std::int64_t>(i) + 2));
  }
  const bool as_is = std::all_of(pads.begin(), pads.end(), [](auto pad) { return pad == 0; });
  at::Tensor view = as_is ? x : at::constant_pad_nd(x, pads);
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i) + 2;
    view = view.unfold(axis, (kernel[i] - 1) * dilations[i] + 1, strides[i])
               .slice(-1, c10::nullopt, c10::nullopt, dilations[i]);
  }
  return view;
}

}  // namespace laconic::curvature
