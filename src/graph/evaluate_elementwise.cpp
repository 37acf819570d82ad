// Operators that compute each element of the output from one element of each input.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "graph/evaluate.h"
#include "graph/half.h"

namespace laconic {
namespace {

using I = std::int64_t;

/// Sums that overflow wrap, as in the runtimes.
constexpr I wrapped(std::uint64_t value) {
  return static_cast<I>(value);
}
constexpr std::uint64_t bits(I value) {
  return static_cast<std::uint64_t>(value);
}

struct Arithmetic {
  std::string_view op;
  float (*floats)(float, float);
  I (*integers)(I, I);
};

constexpr std::array arithmetic{
    Arithmetic{"Add", [](float a, float b) { return a + b; },
               [](I a, I b) { return wrapped(bits(a) + bits(b)); }},
    Arithmetic{"Div", [](float a, float b) { return a / b; },
               [](I a, I b) { return b == -1 ? wrapped(0 - bits(a)) : a / b; }},
    Arithmetic{"Max", [](float a, float b) { return std::max(a, b); },
               [](I a, I b) { return std::max(a, b); }},
    Arithmetic{"Min", [](float a, float b) { return std::min(a, b); },
               [](I a, I b) { return std::min(a, b); }},
    Arithmetic{"Mul", [](float a, float b) { return a * b; },
               [](I a, I b) { return wrapped(bits(a) * bits(b)); }},
    Arithmetic{"Sub", [](float a, float b) { return a - b; },
               [](I a, I b) { return wrapped(bits(a) - bits(b)); }},
};

struct Comparison {
  std::string_view op;
  bool (*floats)(float, float);
  bool (*integers)(I, I);
};

constexpr std::array comparisons{
    Comparison{"And", nullptr, [](I a, I b) { return a != 0 && b != 0; }},
    Comparison{"Equal", [](float a, float b) { return a == b; }, [](I a, I b) { return a == b; }},
    Comparison{"Greater", [](float a, float b) { return a > b; }, [](I a, I b) { return a > b; }},
    Comparison{"Less", [](float a, float b) { return a < b; }, [](I a, I b) { return a < b; }},
    Comparison{"Or", nullptr, [](I a, I b) { return a != 0 || b != 0; }},
};

/// Two operands of one type, and the shape of what is computed from them.
struct Pair {
  const Constant& a;
  const Constant& b;
  Shape shape;

  /// Calls body(position in a, position in b) for each element of the output.
  template <typename Body>
  void each(Body body) const {
    BroadcastIndex i(a.shape(), shape), j(b.shape(), shape);
    for (auto left = element_count(shape); left > 0; --left, i.advance(), j.advance()) {
      body(i.position(), j.position());
    }
  }
};

std::optional<Pair> pair(const Operands& operands, std::size_t first = 0) {
  const Constant *a = operands.input(first), *b = operands.input(first + 1);
  if (operands.inputs.size() != first + 2 || a == nullptr || b == nullptr) return {};
  auto shape = broadcast(a->shape(), b->shape());
  if (a->type() != b->type() || !shape || !is_small(*shape, operands)) return {};
  return Pair{*a, *b, std::move(*shape)};
}

Constant float_constant(Shape shape, const std::vector<float>& values) {
  return Constant::of(std::move(shape), std::span<const float>(values));
}

/// An element of any floating-point type.
double number_at(const Constant& constant, std::size_t i) {
  const auto load = [&]<typename T>(T value) {
    std::memcpy(&value, constant.bytes().data() + i * sizeof value, sizeof value);
    return value;
  };
  if (constant.type() == ElementType::float32) return load(0.0f);
  if (constant.type() == ElementType::float64) return load(0.0);
  return from_float16(load(std::uint16_t{0}));
}

bool is_float(ElementType type) {
  return !is_integer(type) && type != ElementType::uint64;
}

}  // namespace

Evaluated evaluate_arithmetic(const Operands& operands) {
  const auto& row = *std::ranges::find(arithmetic, operands.node.op, &Arithmetic::op);
  const auto both = pair(operands);
  if (!both) return {};
  const Constant& a = both->a;
  const Constant& b = both->b;
  const Shape& shape = both->shape;
  if (a.type() == ElementType::float32) {
    const auto left = a.floats(), right = b.floats();
    std::vector<float> out;
    both->each([&](auto i, auto j) { out.push_back(row.floats(left[i], right[j])); });
    return float_constant(shape, out);
  }
  if (!is_integer(a.type())) return {};
  const auto divisors = row.op == "Div" ? b.integers() : std::vector<I>{};
  if (std::ranges::count(divisors, 0) > 0) return {};
  IntegerWriter out(a.type(), shape);
  both->each([&](auto i, auto j) { out.put(row.integers(integer_at(a, i), integer_at(b, j))); });
  return out.finish();
}

Evaluated evaluate_comparison(const Operands& operands) {
  const auto& row = *std::ranges::find(comparisons, operands.node.op, &Comparison::op);
  const auto both = pair(operands);
  if (!both) return {};
  const Constant& a = both->a;
  const Constant& b = both->b;
  const Shape& shape = both->shape;
  IntegerWriter out(ElementType::boolean, shape);
  if (a.type() == ElementType::float32 && row.floats != nullptr) {
    const auto left = a.floats(), right = b.floats();
    both->each([&](auto i, auto j) { out.put(row.floats(left[i], right[j])); });
  } else if (is_integer(a.type())) {
    both->each([&](auto i, auto j) { out.put(row.integers(integer_at(a, i), integer_at(b, j))); });
  } else {
    return {};
  }
  return out.finish();
}

Evaluated evaluate_not(const Operands& operands) {
  const Constant& from = *operands.input(0);
  if (from.type() != ElementType::boolean) return {};
  IntegerWriter out(ElementType::boolean, from.shape());
  for (const auto value : from.integers()) out.put(value == 0);
  return out.finish();
}

Evaluated evaluate_sqrt(const Operands& operands) {
  const Constant& from = *operands.input(0);
  if (from.type() != ElementType::float32) return {};
  std::vector<float> out(from.floats().size());
  std::ranges::transform(from.floats(), out.begin(), [](float value) { return std::sqrt(value); });
  return float_constant(from.shape(), out);
}

Evaluated evaluate_where(const Operands& operands) {
  const Constant& choice = *operands.input(0);
  const auto both = pair(operands, 1);
  if (!both || choice.type() != ElementType::boolean) return {};
  const auto shape = broadcast(choice.shape(), both->shape);
  if (!shape || !is_small(*shape, operands)) return {};
  const std::size_t width = element_bytes(both->a.type());
  std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(*shape)) * width);
  BroadcastIndex c(choice.shape(), *shape), i(both->a.shape(), *shape), j(both->b.shape(), *shape);
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    const auto chosen = integer_at(choice, c.position()) != 0
                            ? both->a.bytes().subspan(i.position() * width, width)
                            : both->b.bytes().subspan(j.position() * width, width);
    std::ranges::copy(chosen, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    c.advance(), i.advance(), j.advance();
  }
  return Constant(both->a.type(), *shape, std::move(bytes));
}

Evaluated evaluate_cast(const Operands& operands) {
  const Constant& from = *operands.input(0);
  const auto to = static_cast<ElementType>(operands.node.integer("to", 0));
  if (from.type() == to) return from;
  const bool from_float = is_float(from.type());
  if (!from_float && !is_integer(from.type())) return {};
  const auto count = static_cast<std::size_t>(from.count());
  if (to == ElementType::float32) {
    std::vector<float> out(count);
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = from_float ? static_cast<float>(number_at(from, i))
                          : static_cast<float>(integer_at(from, i));
    }
    return float_constant(from.shape(), out);
  }
  if (element_bytes(to) == 0 || !is_integer(to)) return {};
  IntegerWriter out(to, from.shape());
  for (std::size_t i = 0; i < count; ++i) {
    const double number = from_float ? number_at(from, i) : 0;
    // Outside of this range runtimes differ.
    if (!(std::abs(number) < 0x1p31)) return {};
    if (to == ElementType::boolean) {
      out.put(from_float ? number != 0 : integer_at(from, i) != 0);
    } else {
      out.put(from_float ? static_cast<I>(number) : integer_at(from, i));
    }
  }
  return out.finish();
}

Evaluated evaluate_dequantize(const Operands& operands) {
  const Constant &x = *operands.input(0), *scale = operands.input(1), *zero = operands.input(2);
  if (scale == nullptr || scale->type() != ElementType::float32 || !is_integer(x.type())) return {};
  if (zero != nullptr && (zero->shape() != scale->shape() || zero->type() != x.type())) return {};
  Shape aligned;  // The shape of scale and zero point, as broadcasting needs it.
  if (scale->count() != 1) {
    const auto rank = static_cast<I>(x.shape().size());
    const I axis = operands.node.integer("axis", 1), front = axis < 0 ? axis + rank : axis;
    if (scale->shape().size() != 1 || front < 0 || front >= rank) return {};
    if (scale->shape()[0] != x.shape()[static_cast<std::size_t>(front)]) return {};
    aligned.assign(static_cast<std::size_t>(rank - front), 1);
    aligned[0] = scale->shape()[0];
  }
  std::vector<float> out(static_cast<std::size_t>(x.count()));
  BroadcastIndex at(aligned, x.shape());
  for (std::size_t i = 0; i < out.size(); ++i, at.advance()) {
    const I offset = zero != nullptr ? integer_at(*zero, at.position()) : 0;
    out[i] = static_cast<float>(integer_at(x, i) - offset) * scale->floats()[at.position()];
  }
  return float_constant(x.shape(), out);
}

}  // namespace laconic
