#include "laconic/threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "laconic/error.h"

namespace laconic {
namespace {

std::atomic<int> configured_threads{0};
std::atomic<bool> interrupt{false};
thread_local bool serial = false;  ///< Inside a loop, or a SerialLoops.

static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

/// One loop: its items are handed out in ascending order.
struct Loop {
  Loop(const std::function<void(std::int64_t)>& item, std::int64_t items)
      : body(item), count(items) {}

  const std::function<void(std::int64_t)>& body;
  std::int64_t count;
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  std::int64_t error_at = std::numeric_limits<std::int64_t>::max();

  void work() {
    const SerialLoops nested;
    for (;;) {
      const std::int64_t i = next.fetch_add(1);
      if (i >= count) break;
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < error_at) {
          error_at = i;
          error = std::current_exception();
        }
        next = count;
        break;
      }
    }
  }
};

/// Threads that live as long as the process: libraries keep caches and scratch memory per thread,
/// which new threads for each loop would build anew.
class Team {
 public:
  /// Runs the loop on the caller and up to so many helpers; false if the team is busy with another
  /// one. Who wakes when nothing is left to begin is not waited for: where processors halt when
  /// idle, that takes longer than most loops.
  bool run(Loop& loop, std::int64_t helpers) {
    const std::unique_lock busy(in_use_, std::try_to_lock);
    if (!busy) return false;
    {
      const std::lock_guard lock(mutex_);
      for (; size_ < helpers; ++size_) std::thread([this] { serve(); }).detach();
      loop_ = &loop;
      seats_ = helpers;
    }
    begin_.notify_all();
    loop.work();
    std::unique_lock lock(mutex_);
    loop_ = nullptr;
    seats_ = 0;
    end_.wait(lock, [this] { return running_ == 0; });
    return true;
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      begin_.wait(lock, [this] { return seats_ > 0; });
      --seats_;
      ++running_;
      Loop& loop = *loop_;
      lock.unlock();
      loop.work();
      lock.lock();
      if (--running_ == 0) end_.notify_one();
    }
  }

  std::mutex in_use_, mutex_;
  std::condition_variable begin_, end_;
  Loop* loop_ = nullptr;
  std::int64_t size_ = 0;     ///< Helpers there are.
  std::int64_t seats_ = 0;    ///< Of loop_, that no helper has taken.
  std::int64_t running_ = 0;  ///< Helpers at work.
};

/// Never destroyed: its threads may still wait when the process ends.
Team& team() {
  static Team& instance = *new Team;
  return instance;
}

}  // namespace

void set_threads(int threads) {
  if (threads < 0)
    fail(ErrorCode::invalid_argument, "threads is {}, but must be at least 0", threads);
  configured_threads = threads;
}

int threads() noexcept {
  if (serial) return 1;
  const int configured = configured_threads;
  return configured > 0 ? configured
                        : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

SerialLoops::SerialLoops() noexcept : before_(serial) {
  serial = true;
}

SerialLoops::~SerialLoops() {
  serial = before_;
}

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  const auto workers = std::min<std::int64_t>(threads(), count);
  if (workers <= 1) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  Loop loop(body, count);
  if (!team().run(loop, workers - 1)) loop.work();
  if (loop.error) std::rethrow_exception(loop.error);
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
