// Integers for floats, and back, by a scale and a zero point.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/operator.h"

namespace laconic::runtime {
namespace {

/// Which scale an element takes: number i / inner % period.
struct Scales {
  std::int64_t inner = 1, period = 1;
};

Scales read_scales(const Call& call) {
  const Signature& x = call[0];
  const Signature& scale = call.floats(1);
  if (call.has(2) && call[2].count() != scale.count())
    call.fail("has not one zero point per scale");
  if (scale.count() == 1) return {std::max<std::int64_t>(x.count(), 1), 1};
  if (scale.rank() != 1 || call.node.integer("block_size", 0) != 0) {
    call.unsupported("a scale for each block is not supported");
  }
  const auto axis = call.axis("axis", 1, x.rank());
  if (x.shape[static_cast<std::size_t>(axis)] != scale.count()) {
    call.fail(fmt::format("{} scales do not fit {}", scale.count(), text(x.shape)));
  }
  return {extent_product(x.shape, axis + 1, x.rank()), scale.count()};
}

template <typename T>
Planned quantize_to(const Call& call, ElementType type) {
  Planned planned{{{type, call[0].shape}}, {}};
  const bool zeros = call.has(2);
  planned.run = [scales = read_scales(call), zeros, count = call[0].count()](const Memory& m) {
    constexpr auto low = static_cast<float>(std::numeric_limits<T>::min());
    constexpr auto high = static_cast<float>(std::numeric_limits<T>::max());
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = i / scales.inner % scales.period;
      const float zero = zeros ? static_cast<float>(m.in<T>(2)[at]) : 0;
      const float step = std::nearbyint(m.in(0)[i] / m.in(1)[at]) + zero;  // Half to even.
      m.out<T>()[i] = step > low ? static_cast<T>(std::min(step, high)) : static_cast<T>(low);
    }
  };
  return planned;
}

Planned quantize_linear(const Call& call) {
  (void)call.floats(0);
  if (call.node.integer("output_dtype", 0) != 0) call.unsupported("output_dtype is not supported");
  const auto type = call.has(2) ? call[2].type : ElementType::uint8;
  if (type == ElementType::uint8) return quantize_to<std::uint8_t>(call, type);
  if (type == ElementType::int8) return quantize_to<std::int8_t>(call, type);
  if (type == ElementType::uint16) return quantize_to<std::uint16_t>(call, type);
  if (type == ElementType::int16) return quantize_to<std::int16_t>(call, type);
  call.unsupported(fmt::format("quantizing to {} is not supported", name(type)));
}

template <typename T>
Planned dequantize_from(const Call& call) {
  Planned planned{{{ElementType::float32, call[0].shape}}, {}};
  const bool zeros = call.has(2);
  if (zeros && call[2].type != call[0].type) call.fail("its zero point has another type");
  planned.run = [scales = read_scales(call), zeros, count = call[0].count()](const Memory& m) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = i / scales.inner % scales.period;
      const std::int64_t zero = zeros ? m.in<T>(2)[at] : 0;
      m.out()[i] = static_cast<float>(m.in<T>(0)[i] - zero) * m.in(1)[at];
    }
  };
  return planned;
}

Planned dequantize_linear(const Call& call) {
  switch (call[0].type) {
    case ElementType::uint8:
      return dequantize_from<std::uint8_t>(call);
    case ElementType::int8:
      return dequantize_from<std::int8_t>(call);
    case ElementType::uint16:
      return dequantize_from<std::uint16_t>(call);
    case ElementType::int16:
      return dequantize_from<std::int16_t>(call);
    case ElementType::int32:
      return dequantize_from<std::int32_t>(call);
    default:
      call.unsupported(fmt::format("dequantizing {} is not supported", name(call[0].type)));
  }
}

constexpr std::array rows = {Row{"DequantizeLinear", dequantize_linear},
                             Row{"QuantizeLinear", quantize_linear}};

}  // namespace

std::span<const Row> quantizations() noexcept {
  return rows;
}

}  // namespace laconic::runtime
