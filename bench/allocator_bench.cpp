// Allocators on layers like a network's (best and typical case) and on damages made to be hard
// (worst case). Counters: `over_bound`, the damage above the proven bound in percent; `optimal`, 1
// where it is proven that nothing better fits.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "laconic/allocator.h"
#include "laconic/random.h"

namespace laconic {
namespace {

using Tensors = std::vector<TensorChoices>;

/// Layers at 1 to 8 bits per weight, with damage that about quarters per bit; sizes are drawn, or
/// a few recur as in residual networks.
Tensors network(std::int64_t count, bool recurring_sizes) {
  Random random(1);
  Tensors out(static_cast<std::size_t>(count));
  for (std::size_t t = 0; t < out.size(); ++t) {
    out[t].tensor = fmt::format("layer{}", t);
    const std::int64_t size = recurring_sizes
                                  ? std::int64_t{2304} << (2 * random.below(3))
                                  : static_cast<std::int64_t>(std::exp(13 * random.uniform()) + 1);
    const double scale = std::exp(2 * random.normal());
    for (int b = 1; b <= 8; ++b) {
      out[t].choices.push_back({static_cast<double>(size * b),
                                scale * std::exp2(-2 * b) * (0.8 + 0.4 * random.uniform()),
                                fmt::format("{} bits", b)});
    }
  }
  return out;
}

/// Every bit saves the same damage in every tensor, so that all plans lie on the bound; but sizes
/// are even (an odd one is too large to use), and no plan fills the odd budget that would prove it.
Tensors one_slope(std::int64_t count) {
  Random random(2);
  Tensors out(static_cast<std::size_t>(count));
  for (std::size_t t = 0; t < out.size(); ++t) {
    out[t].tensor = fmt::format("layer{}", t);
    double bits = 0;
    for (int b = 1; b <= 8; ++b) {
      out[t].choices.push_back({bits, 2e7 - bits, fmt::format("{} bits", b)});
      bits += static_cast<double>(2 * random.below(1'000'000));
    }
  }
  out.front().choices.push_back({1e15 + 1, 0, "all bits"});
  return out;
}

void run(benchmark::State& state, std::string_view spec, const Tensors& tensors) {
  const auto allocator = make_allocator(spec);
  double least = 0, most = 0;
  for (const auto& tensor : tensors) {
    least += tensor.choices[0].bits;
    most += tensor.choices[7].bits;
  }
  const double budget = 2 * std::floor(0.5 * (least + 0.4 * (most - least))) + 1;
  Allocation got;
  for (auto _ : state) {
    got = allocator->allocate(tensors, budget);
    benchmark::DoNotOptimize(got.picks.data());
  }
  if (got.bits > budget || got.bound > got.damage) state.SkipWithError("a law is broken");
  state.counters["over_bound"] = 100 * (got.damage / got.bound - 1);
  state.counters["optimal"] = got.optimal();
}

const bool registered = [] {
  for (const auto& row : allocators()) {
    const auto add = [&](std::string_view input, std::int64_t count, Tensors tensors) {
      const auto name = fmt::format("{}/{}/{}", row.name, input, count);
      benchmark::RegisterBenchmark(name.c_str(), [spec = row.name,
                                                  tensors = std::move(tensors)](auto& state) {
        run(state, spec, tensors);
      })->Unit(benchmark::kMillisecond);
    };
    add("recurring_sizes", 200, network(200, true));
    for (const std::int64_t count : {20, 200, 2000}) add("sizes", count, network(count, false));
    for (const std::int64_t count : {20, 200}) add("one_slope", count, one_slope(count));
  }
  return true;
}();

}  // namespace
}  // namespace laconic
