// LibTorch's own threads against ours: its reductions depend on how many it uses, so each of our
// workers runs LibTorch on one thread, and parallelism is over batches and shards.

#pragma once

#include <cstdint>
#include <functional>

namespace laconic {

/// parallel_for() whose body may use LibTorch: intra-operator threads are one on every worker.
void torch_parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body);

}  // namespace laconic
