// Functions of single values, 16 at a time. Sums and products are rounded one by one, so that all
// instruction sets have the same bits. For sources with flags of their own, as loops.h is.

#pragma once

#include "kernels/code.h"

namespace laconic {
namespace {

template <class V>
struct Functions {
  using Floats = typename V::Floats;

  static Floats all(float value) { return V::repeat_float(&value); }
  static Floats affine(Floats x, float factor, float term) {
    return V::add(V::mul(x, all(factor)), all(term));
  }

  /// The polynomial of x with these coefficients, highest first.
  template <typename... Rest>
  static Floats polynomial(Floats x, Floats sum, float next, Rest... rest) {
    const Floats more = V::add(V::mul(sum, x), all(next));
    if constexpr (sizeof...(rest) == 0) {
      return more;
    } else {
      return polynomial(x, more, rest...);
    }
  }

  /// exp(x) = 2^n exp(r), |r| <= log(2) / 2: there eight terms of its series err by 2^-27. Beyond
  /// what a float holds, x is taken as the last that it does.
  static Floats exp(Floats x) {
    constexpr float shift = 12582912.0F;  // Adding it rounds, and leaves the whole in the low bits.
    // log(2) in two parts, of which the first times any n is exact.
    constexpr float per_log2 = 1.44269504F, high = 0x1.62e4p-1F, low = 1.42860682e-6F;
    const Floats within = V::clip(x, -87.33654F, 88.37626F);
    const Floats shifted = affine(within, per_log2, shift);
    const Floats n = V::sub(shifted, all(shift));
    const Floats r = V::sub(V::sub(within, V::mul(n, all(high))), V::mul(n, all(low)));
    const Floats sum = polynomial(r, all(1.0F / 5040), 1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6,
                                  0.5F, 1.0F, 1.0F);
    return V::mul(sum, V::power_of_two(shifted));
  }

  static Floats sigmoid(Floats x) {
    const Floats opposite = exp(V::mul(x, all(-1)));
    return V::div(all(1), V::add(all(1), opposite));
  }

  /// By its series where the other form cancels.
  static Floats tanh(Floats x) {
    const Floats square = V::mul(x, x);
    const Floats series = polynomial(square, all(-1382.0F / 155925), 62.0F / 2835, -17.0F / 315,
                                     2.0F / 15, -1.0F / 3);
    const Floats near = V::add(x, V::mul(V::mul(x, square), series));
    const Floats power = exp(V::mul(x, all(2)));
    const Floats far = V::sub(all(1), V::div(all(2), V::add(power, all(1))));
    return V::select_below(square, 0.16F, near, far);
  }

  /// exp(), and what lies beyond what a float holds.
  static Floats exp_to_the_ends(Floats x) {
    const Floats below = V::select_below(x, -87.33654F, all(0), exp(x));
    return V::select_below(V::mul(x, all(-1)), -88.37626F, all(__builtin_inff()), below);
  }

  /// By its series near 0. Elsewhere exp(x^2) erfc(x) is smooth in t = 1 / (1 + 0.4 |x|): a
  /// polynomial through Chebyshev's points from 0.45 to 4.2 errs by 6e-9 of what erf is.
  static Floats erf(Floats x) {
    const Floats square = V::mul(x, x);
    const Floats series =
        polynomial(square, all(1.0F / 1320), -1.0F / 216, 1.0F / 42, -1.0F / 10, 1.0F / 3);
    constexpr float slope = 1.12837917F;  // 2 / sqrt(pi)
    const Floats near = V::mul(V::sub(x, V::mul(V::mul(x, square), series)), all(slope));
    const Floats magnitude = V::select_below(x, 0, V::mul(x, all(-1)), x);
    const Floats t = V::div(all(1), affine(magnitude, 0.4F, 1));
    const Floats smooth =
        polynomial(t, all(-0.037099518F), -0.0604855231F, 0.504292325F, -0.232279107F, 0.436426028F,
                   0.151314713F, 0.238786418F, -0.000975535901F);
    const Floats rest = V::mul(exp(V::mul(square, all(-1))), smooth);
    const Floats far = V::sub(all(1), rest);
    const Floats signed_far = V::select_below(x, 0, V::mul(far, all(-1)), far);
    return V::select_below(square, 0.25F, near, signed_far);
  }
};

/// Calls use(f), f being the function of V::Floats.
template <class V, typename Use>
void with_function(const Nonlinearity& given, Use use) {
  using F = Functions<V>;
  using Floats = typename V::Floats;
  using Kind = Nonlinearity::Kind;
  const float a = given.alpha, b = given.beta;  // Outputs might alias the original.
  switch (given.kind) {
    case Kind::clip:
      return use([a, b](Floats x) { return V::clip(x, a, b); });
    case Kind::leaky_relu:
      return use([a](Floats x) { return V::select_below(x, 0, V::mul(x, F::all(a)), x); });
    case Kind::hard_sigmoid:
      return use([a, b](Floats x) { return V::clip(F::affine(x, a, b), 0, 1); });
    case Kind::hard_swish:
      return use([](Floats x) { return V::mul(x, V::clip(F::affine(x, 1.0F / 6, 0.5F), 0, 1)); });
    case Kind::sigmoid:
      return use([](Floats x) { return F::sigmoid(x); });
    case Kind::swish:
      return use([a](Floats x) { return V::mul(x, F::sigmoid(V::mul(x, F::all(a)))); });
    case Kind::tanh:
      return use([](Floats x) { return F::tanh(x); });
    case Kind::exp:
      return use([](Floats x) { return F::exp_to_the_ends(x); });
    case Kind::erf:
      return use([](Floats x) { return F::erf(x); });
    case Kind::gelu:
      return use([](Floats x) {
        const Floats half = V::mul(x, F::all(0.5F));
        return V::add(half, V::mul(half, F::erf(V::mul(x, F::all(0.707106781F)))));
      });
  }
}

template <class V>
void apply(const Nonlinearity& given, const float* x, std::int64_t count, float* y) {
  with_function<V>(given, [=](auto function) {
    std::int64_t i = 0;
    for (; i + panel_rows <= count; i += panel_rows) {
      V::store_floats(y + i, function(V::load_floats(x + i)));
    }
    if (i == count) return;
    const int rest = static_cast<int>(count - i);
    V::store_part(y + i, rest, function(V::load_part(x + i, rest)));
  });
}

}  // namespace
}  // namespace laconic
