#include "train/network/tensors.h"

#include <cstring>

#include "laconic/error.h"

namespace laconic {
namespace {

template <typename Narrow, typename Wide>
at::Tensor widen(const Constant& constant, at::ScalarType type) {
  at::Tensor out = at::empty(constant.shape(), type);
  auto* to = out.data_ptr<Wide>();
  const std::byte* from = constant.bytes().data();
  for (std::int64_t i = 0; i < constant.count(); ++i, from += sizeof(Narrow)) {
    Narrow value;
    std::memcpy(&value, from, sizeof value);
    if (!std::in_range<Wide>(value)) {
      fail(ErrorCode::invalid_data, "a uint64 constant holds {}, but must be below 2^63", value);
    }
    to[i] = static_cast<Wide>(value);
  }
  return out;
}

}  // namespace

std::optional<at::ScalarType> scalar_type(ElementType type) noexcept {
  switch (type) {
    case ElementType::float32:
      return at::kFloat;
    case ElementType::uint8:
      return at::kByte;
    case ElementType::int8:
      return at::kChar;
    case ElementType::int16:
      return at::kShort;
    case ElementType::uint16:
    case ElementType::int32:
      return at::kInt;
    case ElementType::uint32:
    case ElementType::uint64:
    case ElementType::int64:
      return at::kLong;
    case ElementType::boolean:
      return at::kBool;
    case ElementType::float16:
      return at::kHalf;
    case ElementType::float64:
      return at::kDouble;
  }
  return std::nullopt;
}

at::Tensor wrap_unsigned(const at::Tensor& x, ElementType type) {
  if (type == ElementType::uint16) return at::bitwise_and(x, std::int64_t{0xFFFF});
  if (type == ElementType::uint32) return at::bitwise_and(x, std::int64_t{0xFFFFFFFF});
  return x;
}

at::Tensor to_tensor(const Constant& constant) {
  const auto type = scalar_type(constant.type());
  if (!type)
    fail(ErrorCode::invalid_data, "constants of type {} are not supported", name(constant.type()));
  switch (constant.type()) {
    case ElementType::uint16:
      return widen<std::uint16_t, std::int32_t>(constant, *type);
    case ElementType::uint32:
      return widen<std::uint32_t, std::int64_t>(constant, *type);
    case ElementType::uint64:
      return widen<std::uint64_t, std::int64_t>(constant, *type);
    default:
      break;
  }
  at::Tensor out = at::empty(constant.shape(), *type);
  const auto bytes = constant.bytes();
  if (!bytes.empty()) std::memcpy(out.data_ptr(), bytes.data(), bytes.size());
  return out;
}

Constant to_constant(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  return Constant::of(host.sizes().vec(),
                      std::span(host.data_ptr<float>(), static_cast<std::size_t>(host.numel())));
}

}  // namespace laconic
