// When shares freeze, and how long what is left trains after each.

#pragma once

#include <functional>
#include <optional>

#include "laconic/method.h"

namespace laconic {

/// A run is divided into stretches of training, each begun by a share that freezes. They are of
/// equal length; or, with a gain, each ends after an epoch at whose end the loss lies no more than
/// that below the least of its stretch, and what it leaves is divided among those that follow.
class Stretches {
 public:
  Stretches() = default;
  Stretches(std::size_t count, std::optional<double> gain) : count_(count), gain_(gain) {}

  /// Whether the next stretch begins before this step. To be asked at every step, and then told.
  /// `loss` is measured between epochs, where there is a gain.
  [[nodiscard]] bool ends(const Progress& at, const std::function<double()>& loss);
  void begin(const Progress& at);

  /// Stretches begun.
  [[nodiscard]] std::size_t begun() const noexcept { return begun_; }

  /// The steps of the stretch around `at`; with a gain, of the present one, unless it ends before.
  [[nodiscard]] StepRange period(const Progress& at) const;

  void save(MethodState& state) const;
  /// Throws Error(corrupt_data).
  void restore(const MethodState& state);

 private:
  [[nodiscard]] std::int64_t end(std::int64_t total_steps) const;

  std::size_t count_ = 1;
  std::optional<double> gain_;  ///< None: no stretch ends early.
  std::size_t begun_ = 0;
  std::int64_t start_ = 0;  ///< Of the present stretch.
  std::int64_t epoch_ = 0;  ///< The last one that was looked at.
  float least_ = 0;         ///< Of the losses in this stretch; 0: there was none.
};

}  // namespace laconic
