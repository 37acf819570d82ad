// Elementwise functions of one, two or many values, broadcast as in NumPy.

#include <array>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

template <at::Tensor (*function)(const at::Tensor&)>
Values unary(const Call& call) {
  return {function(call[0])};
}

template <at::Tensor (*function)(const at::Tensor&, const at::Tensor&)>
Values binary(const Call& call) {
  return {function(call[0], call[1])};
}

/// Folds all inputs from the left.
template <at::Tensor (*function)(const at::Tensor&, const at::Tensor&)>
Values variadic(const Call& call) {
  at::Tensor out = call[0];
  for (std::size_t i = 1; i < call.inputs.size(); ++i) out = function(out, call[i]);
  return {out};
}

at::Tensor plus(const at::Tensor& a, const at::Tensor& b) {
  return at::add(a, b);
}

Values add_node(const Call& call) {
  const at::Tensor& a = call[0];
  const at::Tensor& b = call[1];
  const bool same = a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type();
  if (same && call.may_overwrite(0) && !b.requires_grad()) return {call.inputs[0].add_(b)};
  return {plus(a, b)};
}

at::Tensor subtract(const at::Tensor& a, const at::Tensor& b) {
  return at::sub(a, b);
}
at::Tensor multiply(const at::Tensor& a, const at::Tensor& b) {
  return at::mul(a, b);
}

at::Tensor divide(const at::Tensor& a, const at::Tensor& b) {
  if (at::isFloatingType(a.scalar_type())) return at::div(a, b);
  if (!at::isSignedType(b.scalar_type())) return at::div(a, b, "trunc");
  // The lowest integer by -1 is out of range, which traps in the processor.
  const at::Tensor negates = at::eq(b, -1);
  return at::where(negates, -a, at::div(a, b.masked_fill(negates, 1), "trunc"));
}

at::Tensor power(const at::Tensor& base, const at::Tensor& exponent) {
  return at::pow(base, exponent).to(base.scalar_type());
}

at::Tensor equal(const at::Tensor& a, const at::Tensor& b) {
  return at::eq(a, b);
}
at::Tensor greater(const at::Tensor& a, const at::Tensor& b) {
  return at::gt(a, b);
}
at::Tensor less(const at::Tensor& a, const at::Tensor& b) {
  return at::lt(a, b);
}
at::Tensor minimum(const at::Tensor& a, const at::Tensor& b) {
  return at::minimum(a, b);
}
at::Tensor maximum(const at::Tensor& a, const at::Tensor& b) {
  return at::maximum(a, b);
}

Values mean(const Call& call) {
  const auto sum = variadic<plus>(call)[0];
  return {sum / static_cast<double>(call.inputs.size())};
}

Values where(const Call& call) {
  return {at::where(call[0], call[1], call[2])};
}

Values identity(const Call& call) {
  return {call[0]};
}

constexpr std::array rows = {
    Row{"Abs", unary<at::abs>},
    Row{"Add", add_node},
    Row{"And", binary<at::logical_and>},
    Row{"Div", binary<divide>},
    Row{"Equal", binary<equal>},
    Row{"Erf", unary<at::erf>},
    Row{"Exp", unary<at::exp>},
    Row{"Greater", binary<greater>},
    Row{"Identity", identity},
    Row{"Less", binary<less>},
    Row{"Log", unary<at::log>},
    Row{"Max", variadic<maximum>},
    Row{"Mean", mean},
    Row{"Min", variadic<minimum>},
    Row{"Mul", binary<multiply>},
    Row{"Neg", unary<at::neg>},
    Row{"Not", unary<at::logical_not>},
    Row{"Or", binary<at::logical_or>},
    Row{"Pow", binary<power>},
    Row{"Sqrt", unary<at::sqrt>},
    Row{"Sub", binary<subtract>},
    Row{"Sum", variadic<plus>},
    Row{"Where", where},
};

}  // namespace

std::span<const Row> arithmetic() noexcept {
  return rows;
}

}  // namespace laconic::ops
