// A damage table of ResNet-32's layers, widths 1 to 8, with importance.

#include <benchmark/benchmark.h>

#include <cmath>

#include "laconic/damage.h"
#include "laconic/random.h"
#include "laconic/zoo.h"

namespace laconic {
namespace {

void table_of_resnet32(benchmark::State& state, ChoiceKind kind) {
  const Graph graph = make_network("resnet32", {3, 32, 32}, 10, 1);
  std::vector<std::vector<float>> importances;
  std::vector<NamedWeights> tensors;
  Random random(1);
  for (const auto& info : parameters(graph)) {
    if (info.role != Role::weight) continue;
    auto& importance = importances.emplace_back();
    const auto& constant = graph.constants.at(info.name);
    for (std::int64_t i = 0; i < constant.count(); ++i) {
      importance.push_back(static_cast<float>(std::exp(random.normal())));
    }
    tensors.push_back({info.name, {constant.shape(), constant.floats(), importance}});
  }
  for (auto _ : state) {
    auto table = damage_table(tensors, {kind, 1, 8});
    benchmark::DoNotOptimize(table);
  }
}

BENCHMARK_CAPTURE(table_of_resnet32, kmeans, ChoiceKind::kmeans)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(table_of_resnet32, kmeans_zero, ChoiceKind::kmeans_zero)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(table_of_resnet32, uniform, ChoiceKind::uniform)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace laconic
