// Which steps of a plan are worth waking other threads for.

#include <algorithm>
#include <chrono>
#include <limits>

#include "laconic/threads.h"
#include "runtime/plan.h"

namespace laconic::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// Of measuring: some rounds at least, but not of what takes long.
constexpr std::chrono::duration<double> enough{0.03}, most{0.2};
constexpr int least_rounds = 8;

constexpr double slow = 0.002;    ///< Seconds: what takes longer on all threads stays there.
constexpr double worth_it = 0.9;  ///< Of the time alone, for keeping other threads from work.

template <typename Run>
void keep_least(double& least, const Run& run) {
  const auto start = Clock::now();
  run();
  const std::chrono::duration<double> time = Clock::now() - start;
  least = std::min(least, time.count());
}

template <typename Round>
void repeat(const Round& round) {
  const auto begin = Clock::now();
  for (int done = 0;; ++done) {
    const auto time = Clock::now() - begin;
    if (done > 0 && (done < least_rounds ? time > most : time > enough)) return;
    round();
  }
}

}  // namespace

std::vector<bool> Plan::faster_alone(std::span<const std::byte* const> inputs) {
  struct Times {
    double shared = std::numeric_limits<double>::infinity();
    double alone = std::numeric_limits<double>::infinity();
  };
  std::vector<Times> times(steps_.size());
  const auto measure_steps = [&](double Times::*time, bool alone) {
    read(inputs);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      steps_[i].alone = alone && times[i].shared < slow;
      keep_least(times[i].*time, [&] { run(steps_[i]); });
    }
  };
  repeat([&] {
    measure_steps(&Times::shared, false);
    measure_steps(&Times::alone, true);
  });
  std::vector<bool> alone;
  for (const Times& time : times)
    alone.push_back(time.shared < slow && time.shared > worth_it * time.alone);
  // Threads sleep deeper where steps between the shared ones are not: the whole must gain, too.
  const bool short_ones =
      std::ranges::none_of(times, [](const Times& time) { return time.shared >= slow; });
  if (!short_ones || std::ranges::count(alone, false) == 0) return alone;
  const std::vector<bool> all(steps_.size(), true);
  Times whole;
  repeat([&] {
    run_alone(all);
    keep_least(whole.alone, [&] { run(inputs); });
    run_alone(alone);
    keep_least(whole.shared, [&] { run(inputs); });
  });
  return whole.shared > worth_it * whole.alone ? all : alone;
}

void Plan::run_alone(const std::vector<bool>& alone) {
  for (std::size_t i = 0; i < std::min(alone.size(), steps_.size()); ++i)
    steps_[i].alone = alone[i];
}

bool Plan::shares_steps() const noexcept {
  return std::ranges::any_of(steps_, [](const Step& step) { return !step.alone; });
}

}  // namespace laconic::runtime
