// The same elements in another shape or order.

#include <algorithm>
#include <array>
#include <numeric>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

Values reshape(const Call& call) {
  const at::Tensor& x = call[0];
  auto shape = call.opset < 5 ? call.node.integers("shape") : call.integers(1);
  if (call.node.integer("allowzero", 0) == 0) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] != 0) continue;
      if (static_cast<std::int64_t>(i) >= x.dim())
        call.fail("copies an extent that its input lacks");
      shape[i] = x.size(static_cast<std::int64_t>(i));
    }
  }
  return {x.reshape(shape)};
}

Values flatten(const Call& call) {
  const at::Tensor& x = call[0];
  const auto axis = call.axis("axis", 1, x.dim(), true);
  std::int64_t rows = 1;
  for (std::int64_t i = 0; i < axis; ++i) rows *= x.size(i);
  std::int64_t columns = 1;
  for (std::int64_t i = axis; i < x.dim(); ++i) columns *= x.size(i);
  return {x.reshape({rows, columns})};
}

Values transpose(const Call& call) {
  const at::Tensor& x = call[0];
  auto order = call.node.integers("perm");
  if (order.empty()) {
    order.resize(static_cast<std::size_t>(x.dim()));
    std::iota(order.rbegin(), order.rend(), 0);
  }
  return {x.permute(order)};
}

/// The node's axes, wrapped, ascending and distinct.
Integers sorted_axes(const Call& call, std::int64_t rank) {
  auto axes = call.integers("axes", 1, 13);
  for (auto& axis : axes) axis = call.wrap_axis(axis, rank);
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) call.fail("names an axis twice");
  return axes;
}

Values squeeze(const Call& call) {
  at::Tensor x = call[0];
  auto axes = sorted_axes(call, x.dim());
  if (axes.empty()) return {x.squeeze()};
  std::for_each(axes.rbegin(), axes.rend(), [&](std::int64_t axis) {
    if (x.size(axis) != 1) call.fail(fmt::format("axis {} of {} is not 1", axis, text(x.sizes())));
    x = x.squeeze(axis);
  });
  return {x};
}

Values unsqueeze(const Call& call) {
  at::Tensor x = call[0];
  const auto count = static_cast<std::int64_t>(call.integers("axes", 1, 13).size());
  for (const auto axis : sorted_axes(call, x.dim() + count)) x = x.unsqueeze(axis);
  return {x};
}

/// N, C, H, W of an image, with its rows, columns or channels divisible as they must be.
std::array<std::int64_t, 4> image(const Call& call, std::int64_t block) {
  const at::Tensor& x = call[0];
  if (x.dim() != 4) call.fail(fmt::format("takes images of 4 axes, not {}", text(x.sizes())));
  if (block < 1) call.fail("blocksize must be at least 1");
  return {x.size(0), x.size(1), x.size(2), x.size(3)};
}

Values depth_to_space(const Call& call) {
  const auto b = call.node.integer("blocksize", 0);
  const auto [n, c, h, w] = image(call, b);
  if (c % (b * b) != 0) call.fail(fmt::format("channels {} do not divide by {}", c, b * b));
  const auto d = c / (b * b);
  const bool columns_first = call.node.text("mode", "DCR") == "CRD";
  const at::Tensor x = columns_first
                           ? call[0].reshape({n, d, b, b, h, w}).permute({0, 1, 4, 2, 5, 3})
                           : call[0].reshape({n, b, b, d, h, w}).permute({0, 3, 4, 1, 5, 2});
  return {x.reshape({n, d, h * b, w * b})};
}

Values space_to_depth(const Call& call) {
  const auto b = call.node.integer("blocksize", 0);
  const auto [n, c, h, w] = image(call, b);
  if (h % b != 0 || w % b != 0) call.fail(fmt::format("{}x{} does not divide by {}", h, w, b));
  const at::Tensor x = call[0].reshape({n, c, h / b, b, w / b, b}).permute({0, 3, 5, 1, 2, 4});
  return {x.reshape({n, c * b * b, h / b, w / b})};
}

constexpr std::array rows = {
    Row{"DepthToSpace", depth_to_space}, Row{"Flatten", flatten},
    Row{"Reshape", reshape, true},       Row{"SpaceToDepth", space_to_depth},
    Row{"Squeeze", squeeze, true},       Row{"Transpose", transpose},
    Row{"Unsqueeze", unsqueeze, true},
};

}  // namespace

std::span<const Row> shapes() noexcept {
  return rows;
}

}  // namespace laconic::ops
