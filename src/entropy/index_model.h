// The adaptive model of indices: each is a few binary decisions, whose probabilities are mixed from
// adaptive counters of several contexts.
//
// Decisions on a value (an index less zero's): is it zero; its sign; whether its magnitude exceeds
// 1, 2, ..., and from 8 on which power of two it reaches, with the bits below that uncoded. A
// decision with only one possible outcome is not coded.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "entropy/logistic.h"
#include "entropy/neighbourhood.h"

namespace laconic {

/// Adaptive probability of a one: 22 bits of it, and a count of 10 bits that sets its pace.
class Counter {
 public:
  Counter() = default;
  Counter(std::uint32_t probability16, std::uint32_t count) : state_(probability16 << 16 | count) {}

  [[nodiscard]] int log_odds() const { return logistic::stretch(state_ >> 20); }

  void update(bool bit) {
    const std::uint32_t count = state_ & 1023;
    const std::int64_t target = bit ? (1 << 22) - 1 : 0;
    const std::int64_t probability = state_ >> 10;
    const std::int64_t moved = probability + (((target - probability) * paces[count]) >> 16);
    state_ = static_cast<std::uint32_t>(moved) << 10 | (count + (count < 1023));
  }

 private:
  static constexpr auto paces = [] {
    std::array<std::int32_t, 1024> table{};
    for (int n = 0; n < 1024; ++n) table[static_cast<std::size_t>(n)] = 655'360 / (10 * n + 16);
    return table;
  }();

  std::uint32_t state_ = 0;
};

/// Weighs the contexts' log-odds by logistic regression, learned as it goes.
class Mixer {
 public:
  static constexpr int inputs = 3;
  using Inputs = std::array<int, inputs>;

  /// Log-odds, in 1/256ths.
  [[nodiscard]] std::int64_t mix(const Inputs& in) const {
    std::int64_t sum = std::int64_t{weights_[inputs]} * bias;
    for (std::size_t i = 0; i < inputs; ++i) sum += std::int64_t{weights_[i]} * in[i];
    return sum >> 16;
  }

  void update(const Inputs& in, bool bit, std::uint32_t one) {
    const std::int64_t error = (bit ? 65'536 : 0) - static_cast<std::int64_t>(one);
    const std::int64_t step = error * (pace_ >> pace_bits);
    for (std::size_t i = 0; i < inputs; ++i) {
      weights_[i] += static_cast<std::int32_t>((step * in[i] + (1 << 25)) >> 26);
    }
    weights_[inputs] += static_cast<std::int32_t>((step * bias + (1 << 25)) >> 26);
    pace_ -= (pace_ - last_pace) >> pace_bits;
  }

 private:
  static constexpr int bias = 77;
  static constexpr int pace_bits = 10;
  static constexpr std::int32_t first_pace = 4700 << pace_bits;
  static constexpr std::int32_t last_pace = 524 << pace_bits;

  std::array<std::int32_t, inputs + 1> weights_{26'000, 20'000, 20'000, 0};
  std::int32_t pace_ = first_pace;
};

class IndexModel {
 public:
  explicit IndexModel(const Walk& walk);

  /// Codes the value of the next index through `port`, whose code(bit, probability of one) returns
  /// the bit. `lowest` <= 0 <= `highest` bound the values; a decoder passes any `value`, and may
  /// be returned one beyond the bounds if its bytes are corrupt.
  template <typename Port>
  int code(Port& port, int value, int lowest, int highest);

 private:
  static constexpr std::uint32_t nodes = 32;
  static constexpr int unary = 8;  ///< Magnitudes from here on go by powers of two.
  static constexpr std::uint32_t zero_node = 0, sign_node = 1, first_power_node = 16;

  struct Priors;

  template <typename Port>
  bool decide(Port& port, bool bit, std::uint32_t node, bool negative);
  template <typename Port>
  int code_magnitude(Port& port, int magnitude, bool negative, int largest);

  [[nodiscard]] static const Priors& priors();

  Neighbourhood neighbourhood_;
  std::array<Mixer, nodes> mixers_;
  std::array<std::vector<Counter>, Mixer::inputs> counters_;
  std::array<Counter*, Mixer::inputs> rows_{};  ///< Counters of the index's contexts.
  std::array<bool, Mixer::inputs> mirrored_{};
};

template <typename Port>
bool IndexModel::decide(Port& port, bool bit, std::uint32_t node, bool negative) {
  // A mirrored context tells the other sign: its first node then speaks of a positive value, and
  // magnitudes are told apart by whether their sign agrees with the context's.
  Mixer::Inputs in;
  std::array<Counter*, Mixer::inputs> counters;
  const bool is_sign = node == sign_node;
  const bool is_step = node >= 2 && node < first_power_node;
  for (std::size_t i = 0; i < Mixer::inputs; ++i) {
    counters[i] = rows_[i] + node + (is_step && negative != mirrored_[i]);
    const int log_odds = counters[i]->log_odds();
    in[i] = is_sign && mirrored_[i] ? -log_odds : log_odds;
  }
  Mixer& mixer = mixers_[node];
  const std::uint32_t one = logistic::squash(mixer.mix(in));
  bit = port.code(bit, one);
  mixer.update(in, bit, one);
  for (std::size_t i = 0; i < Mixer::inputs; ++i) {
    counters[i]->update(bit != (is_sign && mirrored_[i]));
  }
  return bit;
}

template <typename Port>
int IndexModel::code_magnitude(Port& port, int magnitude, bool negative, int largest) {
  int found = 1;
  for (; found < unary; ++found) {
    if (found == largest) return found;
    const auto node = static_cast<std::uint32_t>(2 * found);
    if (!decide(port, magnitude > found, node, negative)) return found;
  }
  // `found` is the lowest magnitude of its power of two.
  for (std::uint32_t node = first_power_node; 2 * found <= largest; ++node) {
    if (!decide(port, magnitude >= 2 * found, node, negative)) break;
    found *= 2;
  }
  int rest = 0;
  for (int bit = found / 2; bit > 0; bit /= 2) {
    if (port.code(((magnitude - found) & bit) != 0, 1 << 15)) rest |= bit;
  }
  return found + rest;
}

template <typename Port>
int IndexModel::code(Port& port, int value, int lowest, int highest) {
  const Contexts contexts = neighbourhood_.contexts();
  const std::array ones{contexts.predicted, contexts.adjacent, contexts.magnitude};
  for (std::size_t i = 0; i < Mixer::inputs; ++i) {
    rows_[i] = &counters_[i][ones[i].number * nodes];
    mirrored_[i] = ones[i].mirrored;
  }
  int found = 0;
  if (lowest < highest && decide(port, value != 0, zero_node, false)) {
    bool negative = lowest < 0;
    if (lowest < 0 && highest > 0) negative = decide(port, value < 0, sign_node, false);
    const int magnitude =
        code_magnitude(port, std::abs(value), negative, negative ? -lowest : highest);
    found = negative ? -magnitude : magnitude;
  }
  neighbourhood_.observe(found);
  return found;
}

}  // namespace laconic
