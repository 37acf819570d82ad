#include "train/ops/call.h"

#include <array>

#include "laconic/error.h"

namespace laconic::ops {
namespace {

constexpr std::int64_t max_elements = std::int64_t{1} << 31;

}  // namespace

const at::Tensor& Call::operator[](std::size_t i) const {
  if (!has(i)) fail(fmt::format("input {} is missing", i));
  return inputs[i];
}

Integers Call::integers(std::size_t i) const {
  const at::Tensor host = (*this)[i].to(at::kCPU, at::kLong).contiguous();
  const auto* data = host.data_ptr<std::int64_t>();
  return {data, data + host.numel()};
}

std::vector<double> Call::numbers(std::size_t i) const {
  const at::Tensor host = (*this)[i].detach().to(at::kCPU, at::kDouble).contiguous();
  const auto* data = host.data_ptr<double>();
  return {data, data + host.numel()};
}

Integers Call::integers(std::string_view key, std::size_t i, std::int64_t since) const {
  if (opset < since) return node.integers(key);
  return has(i) ? integers(i) : Integers{};
}

std::int64_t Call::axis(std::string_view key, std::int64_t fallback, std::int64_t rank,
                        bool end) const {
  return wrap_axis(node.integer(key, fallback), rank, end);
}

std::int64_t Call::wrap_axis(std::int64_t axis, std::int64_t rank, bool end) const {
  if (axis < -rank || axis >= rank + (end ? 1 : 0)) {
    fail(fmt::format("axis is {}, but the value has {} axes", axis, rank));
  }
  return axis < 0 ? axis + rank : axis;
}

bool Call::may_overwrite(std::size_t i) const {
  const at::Tensor& x = inputs[i];
  return x.use_count() == 1 && x.storage().use_count() == 1 && !x.requires_grad();
}

void Call::fail(std::string_view what) const {
  laconic::fail(ErrorCode::invalid_data, "{}: {}", describe(node), what);
}

void Call::check_size(at::IntArrayRef shape) const {
  std::int64_t count = 1;
  for (const auto extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) count = max_elements + 1;
    if (count > max_elements) {
      fail(fmt::format("asks for a value of shape {}, but at most {} elements are allowed",
                       text(shape), max_elements));
    }
  }
}

const Row* find(std::string_view op) noexcept {
  static constexpr std::array parts = {
      arithmetic,   activations, shapes,         selections, creations,   reductions,   products,
      convolutions, pools,       normalizations, resizes,    recurrences, quantizations};
  for (const auto& part : parts) {
    for (const Row& row : part()) {
      if (row.op == op) return &row;
    }
  }
  return nullptr;
}

std::string text(at::IntArrayRef shape) {
  if (shape.empty()) return "scalar";
  return fmt::format("{}", fmt::join(shape.begin(), shape.end(), "x"));
}

}  // namespace laconic::ops
