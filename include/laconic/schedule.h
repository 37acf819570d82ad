// The schedule family: how the learning rate changes while training goes on. No LibTorch.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "laconic/spec.h"

namespace laconic {

/// Immutable.
class Schedule {
 public:
  virtual ~Schedule() = default;

  /// What the optimizer's learning rate is multiplied by after `epoch` of `epochs`, a fraction
  /// within an epoch included. From 0 to 1.
  [[nodiscard]] virtual double factor(double epoch, double epochs) const = 0;

  /// Canonical spec, every option written out.
  [[nodiscard]] virtual std::string spec() const = 0;
};

/// All members, in the order of the table in src/train/schedule/family.cpp.
[[nodiscard]] std::span<const MemberInfo> schedules() noexcept;
[[nodiscard]] std::unique_ptr<Schedule> make_schedule(std::string_view spec);

}  // namespace laconic
