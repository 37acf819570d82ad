// How long quantizers take on a million weights, on one thread, and how far from the optimum the
// heuristic ones end. Plain Lloyd, as most tools have it, runs beside them.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "laconic/quantizer.h"
#include "laconic/random.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

constexpr std::size_t count = 1'000'000;

struct Input {
  std::vector<float> weights, importance;
};

const Input& input() {
  static const Input made = [] {
    Random random(1);
    Input in;
    for (std::size_t i = 0; i < count; ++i) {
      in.weights.push_back(static_cast<float>(0.05 * random.normal()));
      in.importance.push_back(static_cast<float>(std::exp(random.normal())));
    }
    return in;
  }();
  return made;
}

double weighted_error(const BlockCode& code) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double error =
        input().weights[i] - static_cast<double>(code.codebook.levels()[code.indices[i]]);
    sum += input().importance[i] * error * error;
  }
  return sum;
}

void quantize_million(benchmark::State& state, const char* spec) {
  set_threads(1);
  const auto quantizer = make_quantizer(spec);
  BlockCode code{Codebook({0}), {}};
  for (auto _ : state) {
    code = quantizer->quantize_block(input().weights, input().importance);
    benchmark::DoNotOptimize(code.indices.data());
  }
  state.counters["error"] = weighted_error(code);
  state.counters["levels"] = static_cast<double>(code.codebook.size());
}

BENCHMARK_CAPTURE(quantize_million, kmeans_16, "kmeans:levels=16")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, kmeans_16_exact, "kmeans:levels=16,solver=exact")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, kmeans_16_lloyd, "kmeans:levels=16,solver=lloyd")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, kmeans_256, "kmeans:levels=256")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, trellis, "trellis:bits=2.5,lambda=1")
    ->Unit(benchmark::kMillisecond);
// About 2.5 bits a weight.
BENCHMARK_CAPTURE(quantize_million, entropy_constrained_64,
                  "entropy_constrained:levels=64,lambda=2e-4")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_ternary, "scaled:pattern=ternary")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_ternary_two, "scaled:pattern=ternary,signs=two")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_linear_3, "scaled:pattern=linear,bits=3")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_linear_4, "scaled:pattern=linear,bits=4")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_log_3, "scaled:pattern=log,bits=3")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_log_4, "scaled:pattern=log,bits=4")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_powers_2,
                  "scaled:pattern=powers,bits=2,scale=power_of_two")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_powers_4,
                  "scaled:pattern=powers,bits=4,scale=power_of_two")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(quantize_million, scaled_powers_6,
                  "scaled:pattern=powers,bits=6,scale=power_of_two")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace laconic
