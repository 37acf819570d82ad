// Pad: a value with more, or fewer, positions at the ends of its axes.

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/images.h"
#include "runtime/strides.h"

namespace laconic::runtime {
namespace {

/// Axes are in the order in which elements lie.
struct Pads {
  Integers begins, ends;  ///< One per axis of the input.
  Shape from;             ///< Of the input.
  Shape shape;            ///< Of the output.
  Signature output;
};

Pads read_pads(const Call& call) {
  const Signature& x = call[0];
  const auto given = call.integers("pads", 1, 11);
  Integers axes;
  if (call.has(3)) axes = call.integers(3);
  const auto count = axes.empty() ? x.shape.size() : axes.size();
  if (given.size() != 2 * count) call.fail("needs two pads per axis");
  Pads pads{Integers(x.shape.size()), Integers(x.shape.size()), stored_shape(x), x.shape, {}};
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        axes.empty() ? i : static_cast<std::size_t>(call.wrap_axis(axes[i], x.rank()));
    pads.begins[axis] = given[i];
    pads.ends[axis] = given[count + i];
    if (__builtin_add_overflow(x.shape[axis], given[i], &pads.shape[axis]) ||
        __builtin_add_overflow(pads.shape[axis], given[count + i], &pads.shape[axis])) {
      pads.shape[axis] = -1;
    }
  }
  pads.output = call.sized(x.type, pads.shape);
  pads.output.layout = x.layout;
  for (auto* of_axes : {&pads.begins, &pads.ends, &pads.shape}) {
    *of_axes = stored_order(std::move(*of_axes), x.layout);
  }
  return pads;
}

/// The bytes of the element that a constant pad puts in.
std::vector<std::byte> pad_element(const Call& call) {
  const Signature& x = call[0];
  std::vector<std::byte> element(element_bytes(x.type));
  if (call.opset < 11 && x.type == ElementType::float32) {
    const float value = call.node.number("value", 0);
    std::memcpy(element.data(), &value, sizeof value);
  } else if (call.opset >= 11 && call.has(2)) {
    const Constant& value = call.told(2);
    if (value.type() != x.type || value.count() != 1) call.fail("pads with another type or a list");
    element.assign(value.bytes().begin(), value.bytes().end());
  }
  return element;
}

Planned pad_constant(const Call& call, const Pads& pads) {
  const Signature& x = call[0];
  const auto from = row_major(pads.from), to = row_major(pads.shape);
  Shape extents = pads.from;
  std::int64_t from_start = 0, to_start = 0;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const auto cropped = std::max<std::int64_t>(-pads.begins[i], 0);
    const auto shifted = std::max<std::int64_t>(pads.begins[i], 0);
    extents[i] = std::clamp<std::int64_t>(pads.shape[i] - shifted, 0,
                                          std::max<std::int64_t>(pads.from[i] - cropped, 0));
    from_start += cropped * from[i];
    to_start += shifted * to[i];
  }
  Planned planned{{pads.output}, {}};
  const Copy copy(element_bytes(x.type), extents, from, to, from_start, to_start);
  planned.run = [copy, element = pad_element(call),
                 count = element_count(pads.shape)](const Memory& memory) {
    std::byte* out = memory.outputs[0];
    for (std::int64_t i = 0; i < count; ++i, out += element.size()) {
      std::memcpy(out, element.data(), element.size());
    }
    copy.run(memory.inputs[0], memory.outputs[0]);
  };
  return planned;
}

/// Which position of an axis each position of the padded axis takes. Reflection goes back and forth
/// where it reaches further than one extent.
Integers sources(std::int64_t extent, std::int64_t begin, std::int64_t count, bool reflect) {
  Integers out;
  const auto period = std::max<std::int64_t>(2 * (extent - 1), 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto folded = ((i - begin) % period + period) % period;
    out.push_back(reflect ? std::min(folded, period - folded)
                          : std::clamp<std::int64_t>(i - begin, 0, extent - 1));
  }
  return out;
}

Planned pad_repeated(const Call& call, const Pads& pads, bool reflect) {
  const Signature& x = call[0];
  std::vector<Integers> axes;  // Offsets in bytes.
  const auto strides = row_major(pads.from);
  const auto width = static_cast<std::int64_t>(element_bytes(x.type));
  for (std::size_t i = 0; i < pads.from.size(); ++i) {
    if (pads.from[i] == 0 && pads.shape[i] > 0) call.fail("pads an empty axis");
    axes.push_back(sources(pads.from[i], pads.begins[i], pads.shape[i], reflect));
    for (auto& offset : axes.back()) offset *= strides[i] * width;
  }
  Planned planned{{pads.output}, {}};
  planned.run = [axes, shape = pads.shape, width](const Memory& memory) {
    std::byte* out = memory.outputs[0];
    for (std::int64_t i = 0; i < element_count(shape); ++i, out += width) {
      std::int64_t from = 0, left = i;
      for (std::size_t axis = shape.size(); axis-- > 0; left /= shape[axis]) {
        from += axes[axis][static_cast<std::size_t>(left % shape[axis])];
      }
      std::memcpy(out, memory.inputs[0] + from, static_cast<std::size_t>(width));
    }
  };
  return planned;
}

}  // namespace

Planned plan_pad(const Call& call) {
  const Pads pads = read_pads(call);
  const auto mode = call.node.text("mode", "constant");
  if (mode == "constant") return pad_constant(call, pads);
  if (mode != "reflect" && mode != "edge") {
    call.fail(fmt::format("mode is \"{}\", but must be constant, reflect or edge", mode));
  }
  return pad_repeated(call, pads, mode == "reflect");
}

}  // namespace laconic::runtime
