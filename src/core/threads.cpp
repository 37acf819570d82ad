#include "laconic/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "laconic/error.h"

namespace laconic {
namespace {

std::atomic<int> configured_threads{0};
std::atomic<bool> interrupt{false};
thread_local bool inside_loop = false;

static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

struct LoopScope {
  LoopScope() { inside_loop = true; }
  ~LoopScope() { inside_loop = false; }
};

}  // namespace

void set_threads(int threads) {
  if (threads < 0)
    fail(ErrorCode::invalid_argument, "threads is {}, but must be at least 0", threads);
  configured_threads = threads;
}

int threads() noexcept {
  const int configured = configured_threads;
  return configured > 0 ? configured
                        : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  const auto workers = std::min<std::int64_t>(threads(), count);
  if (workers <= 1 || inside_loop) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  std::int64_t error_at = std::numeric_limits<std::int64_t>::max();
  const auto work = [&] {
    const LoopScope scope;
    for (;;) {
      const std::int64_t i = next.fetch_add(1);
      if (i >= count) return;
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < error_at) {
          error_at = i;
          error = std::current_exception();
        }
        next = count;
        return;
      }
    }
  };
  {
    std::vector<std::jthread> team;
    for (std::int64_t t = 1; t < workers; ++t) team.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
}

void request_interrupt() noexcept {
  interrupt = true;
}
void clear_interrupt() noexcept {
  interrupt = false;
}
bool interrupt_requested() noexcept {
  return interrupt;
}

void throw_if_interrupted() {
  if (interrupt) fail(ErrorCode::interrupted, "interrupted: stopped as asked, nothing was written");
}

}  // namespace laconic
