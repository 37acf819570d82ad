// Packed kernels beside the roofs of the machine: products of bytes and floats in the first cache,
// and reads of memory. For Google Benchmark: kernel_bench and `laconic bench kernels` run them.

#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace laconic {

struct KernelCase {
  std::string name;  ///< "gemm128/int8/bits4/128/2": the last number is the threads.
  int threads = 1;
  std::string figure;  ///< The counter that tells how fast it is: "weights", "ops" or "read".
  std::string roof;    ///< The case that bounds it, if one does,
  std::string bound;   ///< and the counter, of both, by which it does.
  std::function<void(benchmark::State&)> run;
};

/// All, on each of these numbers of threads, roofs first.
[[nodiscard]] std::vector<KernelCase> kernel_cases(std::span<const int> threads);

/// One thread is timed by the processor time that it took, which others on the machine disturb
/// less; several by the clock.
benchmark::internal::Benchmark* register_case(const KernelCase& one);

}  // namespace laconic
