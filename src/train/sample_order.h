// Which samples each step trains on: another order each epoch, all drawn from the seed.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace laconic {

class SampleOrder {
 public:
  SampleOrder(std::int64_t samples, std::int64_t batch, std::uint64_t seed);

  [[nodiscard]] std::int64_t steps_per_epoch() const noexcept { return steps_per_epoch_; }

  /// The indices of a step's minibatch, until the next call.
  [[nodiscard]] std::span<const std::int64_t> minibatch(std::int64_t step);

 private:
  std::vector<std::int64_t> order_;
  std::int64_t batch_;
  std::int64_t steps_per_epoch_;
  std::int64_t epoch_ = -1;
  std::uint64_t seed_;
};

}  // namespace laconic
