// The library's own parallelism: loops over independent items, with results that do not depend on
// how many threads run them.

#pragma once

#include <cstdint>
#include <functional>

namespace laconic {

/// How many threads parallel loops use from now on, process-wide; 0 means one per processor.
void set_threads(int threads);

/// How many a loop begun here would use: 1 within another, and while a SerialLoops lives.
[[nodiscard]] int threads() noexcept;

/// While one lives, the loops of the thread that made it run on that thread alone.
class SerialLoops {
 public:
  SerialLoops() noexcept;
  ~SerialLoops();
  SerialLoops(const SerialLoops&) = delete;
  SerialLoops& operator=(const SerialLoops&) = delete;

 private:
  bool before_;
};

/// Calls body(i) for every i in [0, count), on up to threads() threads, the caller's among them;
/// returns when all are done. Items start in ascending order. `body` must not depend on the order
/// or on the thread; reductions are the caller's, over items, in index order. The first exception
/// (by index) is rethrown once running items have ended; later items are then not started. Nested
/// calls run on the calling thread alone.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body);

/// A long computation asks now and then whether it should stop. Set from a signal handler or
/// another thread; throw_if_interrupted() then throws Error(interrupted).
void request_interrupt() noexcept;
void clear_interrupt() noexcept;
[[nodiscard]] bool interrupt_requested() noexcept;
void throw_if_interrupted();

}  // namespace laconic
