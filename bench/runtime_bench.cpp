// What runs between packed layers: functions of single values beside the standard library's, and
// products of computed values beside plain loops, on one thread; and what a loop takes that two
// threads share.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "kernels/aligned.h"
#include "laconic/kernels.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "runtime/ops/tiled_product.h"

namespace laconic {
namespace {

using Kind = Nonlinearity::Kind;
using runtime::PlainProduct;
using runtime::TiledProduct;

std::vector<float> random_values(std::int64_t count) {
  Random random(1, "bench");
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) value = static_cast<float>(2 * random.normal());
  return out;
}

/// As many floats as stay in the second cache; values a second.
template <typename Apply>
void apply_to_values(benchmark::State& state, Apply apply) {
  const auto x = random_values(1 << 16);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    apply(x, y);
    benchmark::ClobberMemory();
  }
  state.counters["values"] = benchmark::Counter(static_cast<double>(x.size()),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

void function(benchmark::State& state, const Nonlinearity& given) {
  apply_to_values(state, [&, code = nonlinearity_code()](const auto& x, auto& y) {
    code(given, x.data(), std::ssize(x), y.data());
  });
}

void standard(benchmark::State& state, float (*given)(float)) {
  apply_to_values(state, [&](const auto& x, auto& y) {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = given(x[i]);
  });
}

template <typename Multiply>
void product(benchmark::State& state, const PlainProduct& extents, Multiply multiply) {
  set_threads(1);
  const auto a = random_values(extents.m * extents.k), b = random_values(extents.k * extents.n);
  std::vector<float> c(static_cast<std::size_t>(extents.m * extents.n));
  for (auto _ : state) {
    multiply(a.data(), b.data(), c.data());
    benchmark::ClobberMemory();
  }
  set_threads(0);
  state.counters["ops"] =
      benchmark::Counter(2.0 * static_cast<double>(extents.m * extents.n * extents.k),
                         benchmark::Counter::kIsIterationInvariantRate);
}

/// A loop of two items, each a chain of so many multiplications.
void loop(benchmark::State& state, std::int64_t chain, int on_threads) {
  set_threads(on_threads);
  const auto item = [chain](std::int64_t) {
    double x = 1;
    for (std::int64_t i = 0; i < chain; ++i) benchmark::DoNotOptimize(x *= 1.0000001);
  };
  for (auto _ : state) parallel_for(2, std::ref(item));
  set_threads(0);
}

void register_all() {
  using benchmark::RegisterBenchmark;
  struct Named {
    const char* name;
    Nonlinearity function;
    float (*standard)(float) = nullptr;
  };
  static constexpr std::array functions = {
      Named{"clip", {Kind::clip, 0, 6}},
      Named{"leaky_relu", {Kind::leaky_relu, 0.01F}},
      Named{"hard_swish", {Kind::hard_swish}},
      Named{"sigmoid", {Kind::sigmoid}},
      Named{"swish", {Kind::swish, 1}},
      Named{"tanh", {Kind::tanh}, std::tanh},
      Named{"exp", {Kind::exp}, std::exp},
      Named{"erf", {Kind::erf}, std::erf},
      Named{"gelu", {Kind::gelu}},
  };
  for (const auto& row : functions) {
    RegisterBenchmark(fmt::format("function/{}", row.name).c_str(),
                      [&row](auto& state) { function(state, row.function); });
    if (row.standard == nullptr) continue;
    RegisterBenchmark(fmt::format("function/{}/standard", row.name).c_str(),
                      [&row](auto& state) { standard(state, row.standard); });
  }
  for (const std::int64_t chain : {10'000, 100'000, 1'000'000}) {
    for (const int count : {1, 2}) {
      RegisterBenchmark(fmt::format("loop/2x{}/{}", chain, count).c_str(),
                        [=](auto& state) { loop(state, chain, count); })
          ->UseRealTime()
          ->Unit(benchmark::kMicrosecond);
    }
  }
  // Attention of a small and a common vision transformer.
  for (const auto& [m, n, k] : {std::array{64, 64, 24}, {64, 24, 64}, {197, 197, 64}}) {
    const PlainProduct extents{m, n, k, k, 1, n, 1};
    const auto name = fmt::format("product/{}x{}x{}", m, n, k);
    RegisterBenchmark(name.c_str(), [extents](auto& state) {
      const TiledProduct tiled(extents);
      AlignedVector<std::byte> scratch(tiled.scratch());
      product(state, extents, [&](const float* a, const float* b, float* c) {
        tiled.run(a, b, c, scratch.data());
      });
    });
    RegisterBenchmark((name + "/plain").c_str(), [extents](auto& state) {
      product(state, extents,
              [&](const float* a, const float* b, float* c) { extents.run(a, b, c); });
    });
  }
}

}  // namespace
}  // namespace laconic

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  laconic::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
