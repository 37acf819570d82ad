// The parts of an adaptive binary model: counters that learn a probability each, and mixers that
// learn how far to trust which counter.

#pragma once

#include <array>
#include <cstdint>

#include "entropy/logistic.h"

namespace laconic {

/// Adaptive probability of a one: 22 bits of it, and a count of 10 bits that sets its pace.
class Counter {
 public:
  Counter() = default;
  Counter(std::uint32_t probability16, std::uint32_t count) : state_(probability16 << 16 | count) {}

  [[nodiscard]] int log_odds() const { return logistic::stretch(state_ >> 20); }

  void update(bool bit) {
    const std::uint32_t count = state_ & max_count;
    const std::int64_t target = bit ? (1 << 22) - 1 : 0;
    const std::int64_t probability = state_ >> 10;
    const std::int64_t moved = probability + (((target - probability) * paces[count]) >> 16);
    state_ = static_cast<std::uint32_t>(moved) << 10 | (count + (count < max_count));
  }

 private:
  static constexpr std::uint32_t max_count = 1023;

  /// 1 / (count + 1.6), in 1/65,536ths.
  static constexpr auto paces = [] {
    std::array<std::int32_t, max_count + 1> table{};
    std::int32_t n = 0;
    for (auto& pace : table) pace = 655'360 / (10 * n++ + 16);
    return table;
  }();

  std::uint32_t state_ = 0;
};

/// Weighs the log-odds of counters by logistic regression, learned as it goes.
class Mixer {
 public:
  static constexpr std::size_t inputs = 3;
  using Inputs = std::array<int, inputs>;

  /// Log-odds, in 1/256ths.
  [[nodiscard]] std::int64_t mix(const Inputs& in) const {
    std::int64_t sum = std::int64_t{weights_[inputs]} * bias;
    for (std::size_t i = 0; i < inputs; ++i) sum += std::int64_t{weights_[i]} * in[i];
    return sum >> 16;
  }

  /// Learns from a bit for which `one` was the probability.
  void update(const Inputs& in, bool bit, std::uint32_t one) {
    const std::int64_t error = (std::int64_t{bit} << logistic::one_bits) - one;
    const std::int64_t step = error * (pace_ >> pace_bits);
    for (std::size_t i = 0; i < inputs; ++i) weights_[i] += scaled(step * in[i]);
    weights_[inputs] += scaled(step * bias);
    pace_ -= (pace_ - last_pace) >> pace_bits;
  }

 private:
  static constexpr int bias = 77;  ///< Of an input that is always there.
  static constexpr int pace_bits = 10;
  static constexpr std::int32_t first_pace = 4700 << pace_bits;
  static constexpr std::int32_t last_pace = 524 << pace_bits;

  static std::int32_t scaled(std::int64_t x) {
    return static_cast<std::int32_t>((x + (1 << 25)) >> 26);
  }

  std::array<std::int32_t, inputs + 1> weights_{26'000, 20'000, 20'000, 0};  ///< In 1/65,536ths.
  std::int32_t pace_ = first_pace;
};

}  // namespace laconic
