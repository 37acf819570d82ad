// Values made from attributes or shapes, and conversions of type.

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "graph/passes.h"
#include "train/network/tensors.h"
#include "train/ops/call.h"

namespace laconic::ops {
namespace {

Values constant(const Call& call) {
  return {to_tensor(constant_value(call.node))};
}

Values constant_of_shape(const Call& call) {
  const auto shape = call.integers(0);
  call.check_size(shape);
  const auto found = call.node.attributes.find("value");
  if (found == call.node.attributes.end()) return {at::zeros(shape, at::kFloat)};
  const auto* value = std::get_if<Constant>(&found->second);
  if (value == nullptr || value->count() != 1) call.fail("value must be a tensor of one element");
  return {to_tensor(*value).reshape({}).expand(shape).contiguous()};
}

Values range(const Call& call) {
  const at::Tensor& start = call[0];
  const auto type = start.scalar_type();
  if (start.numel() != 1 || call[1].numel() != 1 || call[2].numel() != 1) {
    call.fail("start, limit and delta must be scalars");
  }
  const auto delta = call[2].item<double>();
  const auto span = call[1].item<double>() - start.item<double>();
  if (delta == 0 || !std::isfinite(delta) || !std::isfinite(span))
    call.fail("delta must be finite and not 0");
  const double count = std::max(0.0, std::ceil(span / delta));
  if (!(count < 0x1p62)) call.fail("the range is too long");
  const auto steps = static_cast<std::int64_t>(count);
  call.check_size({steps});
  return {at::arange(steps, at::kLong).to(type) * call[2].to(at::kCPU) + start.to(at::kCPU)};
}

Values shape(const Call& call) {
  const auto sizes = call[0].sizes();
  const auto rank = static_cast<std::int64_t>(sizes.size());
  const auto position = [&](std::string_view key, std::int64_t fallback) {
    const auto at = call.node.integer(key, fallback);
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const auto start = position("start", 0);
  const auto end = std::max(start, position("end", rank));
  return {at::tensor(Integers(sizes.begin() + start, sizes.begin() + end), at::kLong)};
}

Values cast(const Call& call) {
  const auto type = static_cast<ElementType>(call.node.integer("to", 0));
  const std::optional<at::ScalarType> to = scalar_type(type);
  if (!to)
    call.fail(fmt::format("casts to type {}, which is not supported", call.node.integer("to", 0)));
  const at::Tensor out = call[0].to(*to);
  return {wrap_unsigned(out, type)};
}

constexpr std::array rows = {
    Row{"Cast", cast},
    Row{"Constant", constant},
    Row{"ConstantOfShape", constant_of_shape, true},
    Row{"Range", range, true},
    Row{"Shape", shape},
};

}  // namespace

std::span<const Row> creations() noexcept {
  return rows;
}

}  // namespace laconic::ops
