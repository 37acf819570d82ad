// Functions of single values against double precision; every instruction set has the same bits.

#include <gmock/gmock.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "kernel_samples.h"

namespace laconic {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Lt;
using Kind = Nonlinearity::Kind;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

constexpr std::array functions = {
    Nonlinearity{},
    Nonlinearity{Kind::clip, 0, infinity},
    Nonlinearity{Kind::clip, -0.5F, 6},
    Nonlinearity{Kind::leaky_relu, 0.1F},
    Nonlinearity{Kind::hard_sigmoid, 0.2F, 0.5F},
    Nonlinearity{Kind::hard_swish},
    Nonlinearity{Kind::sigmoid},
    Nonlinearity{Kind::swish, 1},
    Nonlinearity{Kind::swish, 1.7F},
    Nonlinearity{Kind::tanh},
    Nonlinearity{Kind::exp},
    Nonlinearity{Kind::erf},
    Nonlinearity{Kind::gelu},
};

double exact(const Nonlinearity& function, double x) {
  const double a = static_cast<double>(function.alpha), b = static_cast<double>(function.beta);
  switch (function.kind) {
    case Kind::clip:
      return std::min(std::max(x, a), b);
    case Kind::leaky_relu:
      return x < 0 ? a * x : x;
    case Kind::hard_sigmoid:
      return std::clamp(a * x + b, 0.0, 1.0);
    case Kind::hard_swish:
      return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    case Kind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Kind::swish:
      return x / (1 + std::exp(-a * x));
    case Kind::tanh:
      return std::tanh(x);
    case Kind::exp:
      return std::exp(x);
    case Kind::erf:
      return std::erf(x);
    case Kind::gelu:
      return x * (1 + std::erf(x / std::sqrt(2.0))) / 2;
  }
  return 0;
}

/// From 2^-40 to 2^6, both signs, and what is special.
std::vector<float> samples() {
  std::vector<float> out = {0, -0.0F, infinity, -infinity, nan, 1e30F, -1e30F, 3, -3, 0.4F, -0.4F};
  for (double x = 0x1p-40; x < 64; x *= 1.003) {
    out.push_back(static_cast<float>(x));
    out.push_back(static_cast<float>(-x));
  }
  return out;
}

std::vector<float> applied(const Nonlinearity& function, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  nonlinearity_code()(function, x.data(), std::ssize(x), y.data());
  return y;
}

template <typename Check>
void for_each_isa(Check check) {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::amx, Isa::neon}) {
    if (!supported(isa)) continue;
    const ScopedIsa scoped(isa);
    SCOPED_TRACE(name(isa));
    check();
  }
}

TEST(Nonlinearities, AreWithinFourUnitsInTheLastPlace) {
  const auto x = samples();
  for_each_isa([&] {
    for (const auto& function : functions) {
      const auto y = applied(function, x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i]) || std::abs(x[i]) > 45) continue;
        const double expected = exact(function, static_cast<double>(x[i]));
        // Where terms cancel, of them, which are near 1.
        const bool cancels = function.kind == Kind::hard_sigmoid ||
                             function.kind == Kind::hard_swish || function.kind == Kind::gelu;
        const double unit = std::max(std::abs(expected), cancels ? 1.0 : 1e-37) * 0x1p-23;
        // Rounding alpha x moves its exp by so much.
        const bool scales = function.kind == Kind::swish && function.alpha != 1;
        const double units =
            4 + (scales ? std::abs(static_cast<double>(function.alpha * x[i])) : 0);
        EXPECT_NEAR(y[i], expected, units * unit)
            << "kind " << static_cast<int>(function.kind) << " of " << x[i];
      }
    }
  });
}

TEST(Nonlinearities, TakeWhatIsNotFinite) {
  const std::vector<float> x = {nan, infinity, -infinity, 1e30F, -1e30F};
  for_each_isa([&] {
    for (const auto& function : functions) {
      EXPECT_TRUE(std::isnan(applied(function, x)[0])) << static_cast<int>(function.kind);
    }
    EXPECT_THAT(applied({Kind::sigmoid}, {infinity, 1e30F}), Each(1));
    EXPECT_THAT(applied({Kind::sigmoid}, {-infinity, -1e30F}), Each(Lt(1e-37F)));
    EXPECT_THAT(applied({Kind::tanh}, {infinity, 1e30F}), Each(1));
    EXPECT_THAT(applied({Kind::tanh}, {-infinity, -1e30F}), Each(-1));
    EXPECT_THAT(applied({Kind::hard_swish}, {infinity, -1e30F}), ElementsAre(infinity, 0));
  });
}

TEST(Nonlinearities, HaveTheSameBitsOnEveryInstructionSetAndInPlace) {
  const auto x = samples();
  for (const auto& function : functions) {
    std::vector<float> expected;
    {
      const ScopedIsa scoped(Isa::scalar);
      expected = applied(function, x);
    }
    for_each_isa([&] {
      // Counts of all remainders by 16, on memory that ends at a guard page.
      for (std::size_t count = 0; count <= 40; ++count) {
        const testing::Guarded y(
            std::vector<float>(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count)));
        nonlinearity_code()(function, y.data(), static_cast<std::int64_t>(count), y.data());
        for (std::size_t i = 0; i < count; ++i) {
          if (std::isnan(expected[i])) continue;
          EXPECT_EQ(std::bit_cast<std::uint32_t>(y.data()[i]),
                    std::bit_cast<std::uint32_t>(expected[i]))
              << static_cast<int>(function.kind) << " of " << x[i];
        }
      }
      const auto all = applied(function, x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_TRUE(all[i] == expected[i] || std::isnan(expected[i])) << x[i];
      }
    });
  }
}

TEST(Nonlinearities, AreWhatKernelsDoToOutputs) {
  Random random(5);
  for (const Kernel& kernel : kernels()) {
    if (!supported(kernel.isa) || kernel.form != WeightForm::bits8) continue;
    SCOPED_TRACE(kernel.name);
    const ScopedIsa scoped(kernel.isa);
    const std::int64_t out = 37, in = 30, pixels = 21;
    const auto tensor =
        testing::random_tensor(random, {out, in, 1}, in * out, testing::Levels{}, 17, true);
    const auto conv = PackedConv::pack(tensor, {}, {kernel.activations, kernel.isa, kernel.form});
    const auto x = testing::random_floats(random, in * pixels);
    for (const Layout layout : {Layout::channels_first, Layout::channels_last}) {
      const auto run = [&](const Nonlinearity& then) {
        std::vector<float> y(static_cast<std::size_t>(out * pixels));
        Workspace workspace;
        conv.run({x.data(), 1, in, 1, pixels, layout}, {y.data(), 1, out, 1, pixels, layout},
                 {.then = then}, workspace);
        return y;
      };
      const auto sums = run({});
      for (const auto& function : functions) {
        EXPECT_EQ(run(function), applied(function, sums)) << static_cast<int>(function.kind);
      }
    }
  }
}

}  // namespace
}  // namespace laconic
