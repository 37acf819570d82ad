// Elementwise functions of one, two or many values, broadcast as in NumPy. Floats run here;
// integers and booleans as the functions that fold constants run them.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "graph/evaluate.h"
#include "runtime/images.h"
#include "runtime/loops.h"
#include "runtime/operator.h"
#include "runtime/strides.h"

namespace laconic::runtime {
namespace {

template <float (*function)(float)>
Planned unary(const Call& call) {
  const Signature& x = call.floats(0);
  Planned planned{{x}, {}};
  planned.in_place = 0;
  planned.run = [count = x.count()](const Memory& memory) {
    const float* in = memory.in(0);
    float* out = memory.out();
    parallel_ranges(count, 4, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) out[i] = function(in[i]);
    });
  };
  return planned;
}

Shape broadcast_shape(const Call& call, const Shape& a, const Shape& b) {
  auto shape = broadcast(a, b);
  if (!shape) call.fail(fmt::format("{} and {} do not broadcast", text(a), text(b)));
  return call.sized(ElementType::float32, std::move(*shape)).shape;
}

template <typename Function>
void combine(const Rows<2>& rows, const float* a, const float* b, float* out, Function function) {
  const auto length = rows.length(), a_step = rows.step(0), b_step = rows.step(1);
  parallel_ranges(rows.count(), 4 + length / 2, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const auto start = rows.start(row);
      const float *x = a + start[0], *y = b + start[1];
      float* z = out + row * length;
      if (a_step == 1 && b_step == 1) {
        LACONIC_INDEPENDENT
        for (std::int64_t i = 0; i < length; ++i) z[i] = function(x[i], y[i]);
      } else if (a_step == 1) {
        const float other = *y;
        LACONIC_INDEPENDENT
        for (std::int64_t i = 0; i < length; ++i) z[i] = function(x[i], other);
      } else {
        const float other = *x;
        LACONIC_INDEPENDENT
        for (std::int64_t i = 0; i < length; ++i) z[i] = function(other, y[i * b_step]);
      }
    }
  });
}

struct Plus {
  float operator()(float a, float b) const { return a + b; }
};
struct Minus {
  float operator()(float a, float b) const { return a - b; }
};
struct Times {
  float operator()(float a, float b) const { return a * b; }
};
struct Over {
  float operator()(float a, float b) const { return a / b; }
};
struct Power {
  float operator()(float a, float b) const { return b == 2 ? a * a : std::pow(a, b); }
};
/// NaN wins, from either side.
struct Larger {
  float operator()(float a, float b) const { return a > b || std::isnan(a) ? a : b; }
};
struct Smaller {
  float operator()(float a, float b) const { return a < b || std::isnan(a) ? a : b; }
};

/// The output of that shape, in the order of the inputs that have it: layouts are chosen such that
/// these agree.
Signature in_order_of_inputs(const Call& call, const Shape& shape) {
  bool whole = false, last = true;
  for (const Value* input : call.inputs) {
    if (input == nullptr || input->signature.shape != shape) continue;
    whole = true;
    last = last && input->signature.layout == Layout::channels_last;
  }
  return {ElementType::float32, shape,
          whole && last ? Layout::channels_last : Layout::channels_first};
}

Rows<2> walk(const Signature& a, const Signature& b, const Signature& output) {
  return Rows<2>({broadcast_walk(a, output), broadcast_walk(b, output)}, stored_shape(output));
}

template <typename Function>
Planned binary(const Call& call) {
  const Signature& a = call[0];
  const Signature& b = call[1];
  const Shape shape = broadcast_shape(call, a.shape, b.shape);
  if (a.type != ElementType::float32) return by_evaluation(call, {a.type, shape});
  (void)call.floats(1);
  const Signature output = in_order_of_inputs(call, shape);
  Planned planned{{output}, {}};
  planned.in_place = a == output ? 0 : -1;
  planned.run = [rows = walk(a, b, output)](const Memory& memory) {
    combine(rows, memory.in(0), memory.in(1), memory.out(), Function{});
  };
  return planned;
}

/// Folds all inputs from the left; `mean` divides by their number at last.
template <typename Function, bool mean = false>
Planned variadic(const Call& call) {
  const Signature& first = call[0];
  if (first.type != ElementType::float32 && call.inputs.size() == 2 && !mean) {
    return by_evaluation(call, {first.type, broadcast_shape(call, first.shape, call[1].shape)});
  }
  Shape shape;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    shape = broadcast_shape(call, shape, call.floats(i).shape);
  }
  const Signature output = in_order_of_inputs(call, shape);
  Planned planned{{output}, {}};
  std::vector<Rows<2>> steps;  // Each on what came out so far and the next input.
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    steps.push_back(walk(output, call[i], output));
  }
  planned.run = [steps, count = element_count(shape)](const Memory& memory) {
    float* out = memory.out();
    combine(steps[0], out, memory.in(0), out, [](float, float b) { return b; });
    for (std::size_t i = 1; i < steps.size(); ++i) {
      combine(steps[i], out, memory.in(i), out, Function{});
    }
    if (!mean) return;
    for (std::int64_t i = 0; i < count; ++i) out[i] /= static_cast<float>(steps.size());
  };
  return planned;
}

template <typename Function>
void compare(const Rows<2>& rows, const Memory& memory, Function function) {
  const float *a = memory.in(0), *b = memory.in(1);
  auto* out = memory.out<std::uint8_t>();
  for (std::int64_t row = 0; row < rows.count(); ++row) {
    const auto start = rows.start(row);
    for (std::int64_t i = 0; i < rows.length(); ++i) {
      *out++ = function(a[start[0] + i * rows.step(0)], b[start[1] + i * rows.step(1)]);
    }
  }
}

template <bool (*function)(float, float)>
Planned comparison(const Call& call) {
  const Signature& a = call[0];
  const Signature& b = call[1];
  const Shape shape = broadcast_shape(call, a.shape, b.shape);
  const Signature output{ElementType::boolean, shape};
  if (a.type != ElementType::float32) return by_evaluation(call, output);
  (void)call.floats(1);
  Planned planned{{output}, {}};
  planned.run = [rows = Rows<2>::broadcast({a.shape, b.shape}, shape)](const Memory& memory) {
    compare(rows, memory, function);
  };
  return planned;
}

Planned logical(const Call& call) {
  return by_evaluation(call,
                       {ElementType::boolean, broadcast_shape(call, call[0].shape, call[1].shape)});
}

Planned logical_not(const Call& call) {
  return by_evaluation(call, {ElementType::boolean, call[0].shape});
}

Planned where(const Call& call) {
  const Signature& choice = call[0];
  const Signature& a = call[1];
  const Signature& b = call[2];
  const Shape shape = broadcast_shape(call, choice.shape, broadcast_shape(call, a.shape, b.shape));
  if (choice.type != ElementType::boolean) call.fail("its condition is not boolean");
  if (a.type != b.type) call.fail("it chooses between values of different types");
  if (element_bytes(a.type) != 4) return by_evaluation(call, {a.type, shape});
  Planned planned{{{a.type, shape}}, {}};
  planned.run =
      [rows = Rows<3>::broadcast({choice.shape, a.shape, b.shape}, shape)](const Memory& memory) {
        const auto* chosen = memory.in<std::uint8_t>(0);
        const auto *x = memory.in<std::uint32_t>(1), *y = memory.in<std::uint32_t>(2);
        auto* out = memory.out<std::uint32_t>();
        for (std::int64_t row = 0; row < rows.count(); ++row) {
          const auto [c, i, j] = rows.start(row);
          for (std::int64_t k = 0; k < rows.length(); ++k) {
            *out++ = chosen[c + k * rows.step(0)] != 0 ? x[i + k * rows.step(1)]
                                                       : y[j + k * rows.step(2)];
          }
        }
      };
  return planned;
}

Planned identity(const Call& call) {
  return {{call[0]}, {}};
}

float absolute(float x) {
  return std::fabs(x);
}
float negative(float x) {
  return -x;
}
bool equal(float a, float b) {
  return a == b;
}
bool greater(float a, float b) {
  return a > b;
}
bool less(float a, float b) {
  return a < b;
}

constexpr std::array rows = {
    Row{"Abs", unary<absolute>},
    Row{"Add", binary<Plus>},
    Row{"And", logical},
    Row{"Div", binary<Over>},
    Row{"Equal", comparison<equal>},
    Row{"Exp", unary<std::exp>},
    Row{"Greater", comparison<greater>},
    Row{"Identity", identity},
    Row{"Less", comparison<less>},
    Row{"Log", unary<std::log>},
    Row{"Max", variadic<Larger>},
    Row{"Mean", variadic<Plus, true>},
    Row{"Min", variadic<Smaller>},
    Row{"Mul", binary<Times>},
    Row{"Neg", unary<negative>},
    Row{"Not", logical_not},
    Row{"Or", logical},
    Row{"Pow", binary<Power>},
    Row{"Sqrt", unary<std::sqrt>},
    Row{"Sub", binary<Minus>},
    Row{"Sum", variadic<Plus>},
    Row{"Where", where},
};

}  // namespace

std::span<const Row> arithmetic() noexcept {
  return rows;
}

}  // namespace laconic::runtime
