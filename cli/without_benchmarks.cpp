// Stands in for what needs Google Benchmark in builds without it.

#include "bench_kernels.h"
#include "laconic/error.h"

namespace laconic::cli {

void add_bench_kernels(CLI::App& app, Context& context) {
  app.allow_extras();
  app.callback([&context] {
    context.run = [] {
      fail(ErrorCode::invalid_argument,
           "this build of laconic does not bench kernels: it is without Google Benchmark "
           "(libbenchmark-dev, and -DLACONIC_BENCHMARKS=ON)");
    };
  });
}

}  // namespace laconic::cli
