// Activations, softmax and dropout.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/loops.h"
#include "runtime/nonlinearity.h"
#include "runtime/operator.h"

namespace laconic::runtime {
namespace {

/// A function of each element, made once from the node.
template <typename Function>
Planned each(const Call& call, std::int64_t cost, Function function) {
  const Signature& x = call.floats(0);
  Planned planned{{x}, {}};
  planned.in_place = 0;
  planned.run = [count = x.count(), cost, function](const Memory& memory) {
    const float* in = memory.in(0);
    float* out = memory.out();
    parallel_ranges(count, cost, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) out[i] = function(in[i]);
    });
  };
  return planned;
}

/// A function that kernels have, vectorized.
Planned by_kernel(const Call& call, const Nonlinearity& function) {
  const Signature& x = call.floats(0);
  Planned planned{{x}, {}};
  planned.in_place = 0;
  constexpr std::int64_t lanes = 16, cost_of_lanes = 4;
  planned.run = [count = x.count(), function, code = nonlinearity_code()](const Memory& memory) {
    const auto rows = (count + lanes - 1) / lanes;
    parallel_ranges(rows, cost_of_lanes, [&](std::int64_t first, std::int64_t last) {
      const auto begin = first * lanes, end = std::min(last * lanes, count);
      code(function, memory.in(0) + begin, end - begin, memory.out() + begin);
    });
  };
  return planned;
}

Planned by_kernel(const Call& call) {
  return by_kernel(call, *nonlinearity_of(call.node));
}

Planned elu(const Call& call) {
  return each(call, 8, [alpha = call.node.number("alpha", 1)](float x) {
    return x < 0 ? alpha * std::expm1(x) : x;
  });
}

Planned selu(const Call& call) {
  const float alpha = call.node.number("alpha", 1.67326319217681884765625F);
  const float gamma = call.node.number("gamma", 1.05070102214813232421875F);
  return each(call, 8,
              [alpha, gamma](float x) { return gamma * (x < 0 ? alpha * std::expm1(x) : x); });
}

Planned softplus(const Call& call) {
  return each(call, 16,
              [](float x) { return std::log1p(std::exp(-std::fabs(x))) + (x < 0 ? 0 : x); });
}

/// The bound that was an attribute before opset 11 and is an input since; `none` without it.
float bound(const Call& call, std::string_view key, std::size_t i, float none) {
  if (call.opset < 11) return call.node.number(key, none);
  if (!call.has(i)) return none;
  const auto numbers = call.numbers(i);
  if (numbers.size() != 1) call.fail("bounds must be scalars");
  return static_cast<float>(numbers[0]);
}

Planned clip(const Call& call) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float low = bound(call, "min", 1, -infinity), high = bound(call, "max", 2, infinity);
  return by_kernel(call, {Nonlinearity::Kind::clip, low, high});
}

/// A slope per element that is broadcast onto x; ONNX allows it in one direction only.
Planned prelu(const Call& call) {
  const Signature& x = call.floats(0);
  const Shape& slope = call.floats(1).shape;
  // The slope repeats in blocks: `inner` elements of x share one, and there are `period` of them.
  std::int64_t inner = 1, period = 1;
  bool inside = false, before = false;
  for (std::size_t i = 0; i < x.shape.size(); ++i) {
    const auto at = x.shape.size() - 1 - i;
    const auto extent = i < slope.size() ? slope[slope.size() - 1 - i] : 1;
    if (extent != 1 && (extent != x.shape[at] || before)) {
      call.unsupported(fmt::format("a slope of {} for {}", text(slope), text(x.shape)));
    }
    if (extent != 1) {
      inside = true;
      period *= extent;
    } else if (!inside) {
      inner *= x.shape[at];
    } else if (x.shape[at] != 1) {
      before = true;
    }
  }
  if (slope.size() > x.shape.size()) call.fail("its slope has more axes than its input");
  Planned planned{{x}, {}};
  planned.in_place = 0;
  planned.run = [rows = inner == 0 ? 0 : x.count() / inner, inner, period](const Memory& memory) {
    const float *in = memory.in(0), *slopes = memory.in(1);
    float* out = memory.out();
    for (std::int64_t row = 0; row < rows; ++row) {
      const float alpha = slopes[row % period];
      for (std::int64_t i = row * inner; i < (row + 1) * inner; ++i) {
        out[i] = in[i] < 0 ? alpha * in[i] : in[i];
      }
    }
  };
  return planned;
}

/// One softmax over elements at regular distances.
void softmax_line(const float* in, float* out, std::int64_t count, std::int64_t step, bool log) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, in[i * step]);
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float power = std::exp(in[i * step] - largest);
    sum += static_cast<double>(power);
    if (!log) out[i * step] = power;
  }
  if (log) {
    const auto shift = largest + static_cast<float>(std::log(sum));
    for (std::int64_t i = 0; i < count; ++i) out[i * step] = in[i * step] - shift;
  } else {
    const auto scale = static_cast<float>(1 / sum);
    for (std::int64_t i = 0; i < count; ++i) out[i * step] *= scale;
  }
}

/// The same of elements that lie together, by a kernel's exp.
void softmax_row(NonlinearityCode code, const float* in, float* out, std::int64_t count) {
  const float largest = fold_row(in, count, -std::numeric_limits<float>::infinity(),
                                 [](float a, float b) { return a < b ? b : a; });
  LACONIC_INDEPENDENT
  for (std::int64_t i = 0; i < count; ++i) out[i] = in[i] - largest;
  code({Nonlinearity::Kind::exp}, out, count, out);
  const double sum = fold_row(out, count, 0.0, [](double a, double b) { return a + b; });
  const auto scale = static_cast<float>(1 / sum);
  for (std::int64_t i = 0; i < count; ++i) out[i] *= scale;
}

/// Before opset 13 all axes from `axis` on are one; since then it is that axis alone.
template <bool log>
Planned softmax(const Call& call) {
  const Signature& x = call.floats(0);
  const bool flattens = call.opset < 13;
  const auto axis = call.axis("axis", flattens ? 1 : -1, x.rank(), flattens);
  const auto outer = extent_product(x.shape, 0, axis);
  const auto all = extent_product(x.shape, axis, x.rank());
  const auto inner = flattens ? 1 : extent_product(x.shape, axis + 1, x.rank());
  const auto count = inner == 0 ? 0 : all / inner;
  Planned planned{{x}, {}};
  planned.in_place = 0;
  planned.run = [outer, inner, count, code = nonlinearity_code()](const Memory& memory) {
    parallel_ranges(outer * inner, 8 * count, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t line = first; line < last; ++line) {
        const auto start = line / inner * inner * count + line % inner;
        const float* in = memory.in(0) + start;
        if (!log && inner == 1) {
          softmax_row(code, in, memory.out() + start, count);
        } else {
          softmax_line(in, memory.out() + start, count, inner, log);
        }
      }
    });
  };
  return planned;
}

Planned dropout(const Call& call) {
  const bool trains = call.opset >= 12 && call.has(2) && call.told(2).integers() == Integers{1};
  if (trains) call.unsupported("training mode is not supported");
  if (!call.wants(1)) return {{call[0]}, {}};
  const Signature& x = call[0];
  Planned planned{{x, {ElementType::boolean, x.shape}}, {}};
  planned.run = [bytes = x.bytes(), count = x.count()](const Memory& memory) {
    std::copy_n(memory.in<std::byte>(0), bytes, memory.out<std::byte>(0));
    std::fill_n(memory.out<std::uint8_t>(1), count, std::uint8_t{1});
  };
  return planned;
}

constexpr std::array rows = {
    Row{"Clip", clip, from_input(1)},
    Row{"Dropout", dropout, from_input(1)},
    Row{"Elu", elu},
    Row{"Erf", by_kernel},
    Row{"Gelu", by_kernel},
    Row{"HardSigmoid", by_kernel},
    Row{"HardSwish", by_kernel},
    Row{"LeakyRelu", by_kernel},
    Row{"LogSoftmax", softmax<true>},
    Row{"PRelu", prelu},
    Row{"Relu", by_kernel},
    Row{"Selu", selu},
    Row{"Sigmoid", by_kernel},
    Row{"Softmax", softmax<false>},
    Row{"Softplus", softplus},
    Row{"Swish", by_kernel},
    Row{"Tanh", by_kernel},
};

}  // namespace

std::span<const Row> activations() noexcept {
  return rows;
}

}  // namespace laconic::runtime
