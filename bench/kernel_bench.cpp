// The cases of kernel_cases.h under Google Benchmark's own options: `--benchmark_filter=gemv/` and
// so on; the last number of a name is the threads. Where oneDNN is installed, its products stand
// beside ours.

#include <benchmark/benchmark.h>

#include <array>

#include "kernel_cases.h"
#include "rivals.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const auto& one : laconic::kernel_cases(std::array{1, 2})) laconic::register_case(one);
  laconic::register_rivals();
  benchmark::RunSpecifiedBenchmarks();
}
