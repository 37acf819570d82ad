// Products by tiles against plain loops in double precision, on every instruction set.

#include "runtime/ops/tiled_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <new>

#include "kernel_samples.h"
#include "laconic/threads.h"

namespace laconic::runtime {
namespace {

struct Free {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};

std::unique_ptr<std::byte[], Free> aligned(std::size_t bytes) {
  return std::unique_ptr<std::byte[], Free>(new (std::align_val_t{64}) std::byte[bytes]);
}

void check(Random& random, const PlainProduct& product) {
  SCOPED_TRACE(fmt::format("{} x {} x {}, strides {} {} and {} {}", product.m, product.n, product.k,
                           product.a_row, product.a_col, product.b_row, product.b_col));
  const testing::Guarded a(testing::random_floats(random, product.m * product.k));
  const testing::Guarded b(testing::random_floats(random, product.k * product.n));
  const testing::Guarded c(testing::random_floats(random, product.m * product.n));
  const TiledProduct tiled(product);
  const auto scratch = aligned(tiled.scratch());
  tiled.run(a.data(), b.data(), c.data(), scratch.get());
  for (std::int64_t i = 0; i < product.m; ++i) {
    for (std::int64_t j = 0; j < product.n; ++j) {
      double sum = 0, size = 0;
      for (std::int64_t l = 0; l < product.k; ++l) {
        const double term = static_cast<double>(a.data()[i * product.a_row + l * product.a_col]) *
                            static_cast<double>(b.data()[l * product.b_row + j * product.b_col]);
        sum += term;
        size += std::abs(term);
      }
      const double factor = static_cast<double>(product.factor);
      ASSERT_NEAR(c.data()[i * product.n + j], factor * sum,
                  static_cast<double>(product.k + 2) * 0x1p-24 * std::abs(factor) * size);
    }
  }
}

TEST(TiledProduct, MultipliesMatricesOfAllShapes) {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::amx, Isa::neon}) {
    if (!supported(isa)) continue;
    const ScopedIsa scoped(isa);
    SCOPED_TRACE(name(isa));
    Random random(3);
    for (int trial = 0; trial < 60 && !::testing::Test::HasFailure(); ++trial) {
      PlainProduct product{1 + random.below(40), 1 + random.below(70), 1 + random.below(50)};
      const bool a_turned = trial % 5 == 1, b_turned = trial % 2 == 1;
      product.a_row = a_turned ? 1 : product.k;
      product.a_col = a_turned ? product.m : 1;
      product.b_row = b_turned ? 1 : product.n;
      product.b_col = b_turned ? product.k : 1;
      product.factor = trial % 3 == 0 ? -0.5F : 1;
      check(random, product);
    }
  }
}

TEST(TiledProduct, DoesNotDependOnThreads) {
  Random random(4);
  const PlainProduct product{150, 200, 130, 130, 1, 200, 1};
  const auto a = testing::random_floats(random, product.m * product.k);
  const auto b = testing::random_floats(random, product.k * product.n);
  const TiledProduct tiled(product);
  const auto scratch = aligned(tiled.scratch());
  const auto run = [&](int count) {
    set_threads(count);
    std::vector<float> c(static_cast<std::size_t>(product.m * product.n));
    tiled.run(a.data(), b.data(), c.data(), scratch.get());
    set_threads(0);
    return c;
  };
  EXPECT_EQ(run(1), run(3));
}

}  // namespace
}  // namespace laconic::runtime
