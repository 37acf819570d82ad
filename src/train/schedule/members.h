#pragma once

#include <memory>

#include "laconic/schedule.h"

namespace laconic {

std::unique_ptr<Schedule> make_constant_schedule(const Options& options);
std::unique_ptr<Schedule> make_step_schedule(const Options& options);
std::unique_ptr<Schedule> make_cosine_schedule(const Options& options);

/// Rises evenly from 0 to 1 within `warmup` epochs.
[[nodiscard]] double warmup_factor(double epoch, double warmup) noexcept;

}  // namespace laconic
