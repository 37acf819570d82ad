// Integers for floats, and back, by a scale and a zero point.

#include <array>
#include <limits>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

/// A scale or zero point, shaped to meet `x`: a scalar, or one entry per position of the axis.
at::Tensor along_axis(const Call& call, const at::Tensor& values, const at::Tensor& x) {
  if (values.numel() == 1) return values.reshape({});
  if (values.dim() != 1 || call.node.integer("block_size", 0) != 0) {
    call.fail("a scale for each block is not supported");
  }
  Integers shape(static_cast<std::size_t>(x.dim()), 1);
  shape[static_cast<std::size_t>(call.axis("axis", 1, x.dim()))] = -1;
  return values.reshape(shape);
}

struct Limits {
  std::int64_t low, high;
};

template <typename T>
constexpr Limits limits() {
  return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

/// What integers of that type may be; LibTorch's int32 is the one that holds uint16.
Limits limits_of(const Call& call, at::ScalarType type) {
  switch (type) {
    case at::kByte:
      return limits<std::uint8_t>();
    case at::kChar:
      return limits<std::int8_t>();
    case at::kShort:
      return limits<std::int16_t>();
    case at::kInt:
      return limits<std::uint16_t>();
    default:
      call.fail(fmt::format("quantizing to {} is not supported", at::toString(type)));
  }
}

Values quantize_linear(const Call& call) {
  const at::Tensor& x = call[0];
  if (call.node.integer("output_dtype", 0) != 0) call.fail("output_dtype is not supported");
  const at::Tensor zero =
      call.has(2) ? call[2] : at::zeros({}, x.options().dtype(at::kByte).requires_grad(false));
  const auto [low, high] = limits_of(call, zero.scalar_type());
  const at::Tensor steps = at::round(x / along_axis(call, call[1], x));  // Half to even.
  const at::Tensor shifted = steps + along_axis(call, zero, x);
  return {at::clamp(shifted, low, high).to(zero.scalar_type())};
}

Values dequantize_linear(const Call& call) {
  at::Tensor x = call[0].to(at::kLong);
  if (call.has(2)) x = x - along_axis(call, call[2], x);
  return {x.to(call[1].scalar_type()) * along_axis(call, call[1], x)};
}

constexpr std::array rows = {Row{"DequantizeLinear", dequantize_linear},
                             Row{"QuantizeLinear", quantize_linear}};

}  // namespace

std::span<const Row> quantizations() noexcept {
  return rows;
}

}  // namespace laconic::ops
