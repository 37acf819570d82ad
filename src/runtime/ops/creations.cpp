// Values made from attributes or shapes, and conversions of type.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "graph/passes.h"
#include "runtime/operator.h"

namespace laconic::runtime {
namespace {

/// An output whose elements are known already.
Planned write(Constant value) {
  Planned planned{{{value.type(), value.shape()}}, {}};
  planned.known = std::make_shared<const Constant>(std::move(value));
  return planned;
}

Planned constant(const Call& call) {
  return write(constant_value(call.node));
}

Planned constant_of_shape(const Call& call) {
  Signature output = call.sized(ElementType::float32, call.integers(0));
  std::vector<std::byte> element(4);
  if (const auto found = call.node.attributes.find("value"); found != call.node.attributes.end()) {
    const auto* value = std::get_if<Constant>(&found->second);
    if (value == nullptr || value->count() != 1) {
      call.fail("value must be a tensor of one element");
    }
    output.type = value->type();
    element.assign(value->bytes().begin(), value->bytes().end());
  }
  Planned planned{{output}, {}};
  planned.run = [element, count = output.count()](const Memory& memory) {
    std::byte* out = memory.outputs[0];
    for (std::int64_t i = 0; i < count; ++i) {
      out = std::copy(element.begin(), element.end(), out);
    }
  };
  return planned;
}

template <typename T>
Planned write_all(const Signature& output, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return write(Constant(output.type, output.shape, std::move(bytes)));
}

Planned range(const Call& call) {
  double numbers[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const auto given = call.numbers(i);
    if (given.size() != 1) call.fail("start, limit and delta must be scalars");
    numbers[i] = given[0];
  }
  const double start = numbers[0], limit = numbers[1], delta = numbers[2];
  if (delta == 0 || !std::isfinite(delta) || !std::isfinite(limit - start)) {
    call.fail("delta must be finite and not 0");
  }
  const double count = std::max(0.0, std::ceil((limit - start) / delta));
  if (!(count < 0x1p62)) call.fail("the range is too long");
  const Signature output = call.sized(call[0].type, {static_cast<std::int64_t>(count)});
  const auto fill = [&]<typename T>(T first) {
    std::vector<T> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<T>(first + static_cast<T>(i) * static_cast<T>(delta));
    }
    return write_all(output, values);
  };
  if (output.type == ElementType::float32) return fill(static_cast<float>(start));
  if (output.type == ElementType::float64) return fill(start);
  if (output.type == ElementType::int64) return fill(static_cast<std::int64_t>(start));
  if (output.type == ElementType::int32) return fill(static_cast<std::int32_t>(start));
  call.unsupported(fmt::format("ranges of {}", name(output.type)));
}

Planned shape(const Call& call) {
  const Shape& extents = call[0].shape;
  const auto rank = call[0].rank();
  const auto position = [&](std::string_view key, std::int64_t fallback) {
    const auto at = call.node.integer(key, fallback);
    return std::clamp<std::int64_t>(at < 0 ? std::max(at, -rank) + rank : at, 0, rank);
  };
  const auto start = position("start", 0), end = std::max(start, position("end", rank));
  return write_all<std::int64_t>({ElementType::int64, {end - start}},
                                 {extents.begin() + start, extents.begin() + end});
}

Planned cast(const Call& call) {
  const auto to = static_cast<ElementType>(call.node.integer("to", 0));
  const Signature& x = call[0];
  if (x.type == to) return {{x}, {}};
  if (element_bytes(to) == 0) {
    call.fail(fmt::format("casts to type {}, which is not supported", call.node.integer("to", 0)));
  }
  return by_evaluation(call, {to, x.shape});
}

constexpr std::array rows = {
    Row{"Cast", cast},
    Row{"Constant", constant},
    Row{"ConstantOfShape", constant_of_shape, from_input(0)},
    Row{"Range", range, from_input(0)},
    Row{"Shape", shape},
};

}  // namespace

std::span<const Row> creations() noexcept {
  return rows;
}

}  // namespace laconic::runtime
