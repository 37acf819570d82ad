#include "train/torch_threads.h"

#include <ATen/Parallel.h>

#include "laconic/threads.h"
#include "train/blas.h"

namespace laconic {

void torch_parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  prepare_blas();
  // OpenMP keeps the number of threads per calling thread, hence the call in each body.
  parallel_for(count, [&](std::int64_t i) {
    at::set_num_threads(1);
    body(i);
  });
}

}  // namespace laconic
