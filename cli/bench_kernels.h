// `laconic bench kernels`: the packed kernels alone, beside the roofs of the machine.

#pragma once

#include "context.h"

namespace laconic::cli {

/// Adds the options; its callback sets context.run. Where the program was built without Google
/// Benchmark, that says so.
void add_bench_kernels(CLI::App& app, Context& context);

}  // namespace laconic::cli
