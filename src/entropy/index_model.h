// The adaptive model of indices: each is a few binary decisions, whose probabilities are mixed from
// adaptive counters of several contexts.
//
// Decisions on a value (an index less zero's): is it zero; its sign; whether its magnitude exceeds
// 1, 2, ..., and from 8 on which power of two it reaches, with the bits below that unmodelled. A
// decision with only one possible outcome is not coded.

#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <type_traits>
#include <vector>

#include "entropy/logistic.h"
#include "entropy/mixing.h"
#include "entropy/neighbourhood.h"

namespace laconic {

class IndexModel {
 public:
  /// Indices lie in [0, largest]; `zero` is the one around which they are modelled.
  IndexModel(const Walk& walk, int zero, int largest);

  /// Codes the next output channels through `port`, whose code(bit, probability of one) returns the
  /// bit: a multiple of Neighbourhood::lanes, or all that are left. Fills `indices` if they are not
  /// const. False if the port's bits made an index beyond the largest.
  template <typename Port, typename AnyIndex>
  [[nodiscard]] bool code(Port& port, std::span<AnyIndex> indices);

 private:
  static constexpr std::uint32_t nodes = 32;  ///< Kinds of decisions.
  static constexpr std::uint32_t zero_node = 0, sign_node = 1, first_power_node = 16;
  static constexpr int unary = 8;  ///< Magnitudes from here on go by powers of two.

  struct Priors;
  [[nodiscard]] static const Priors& priors();

  /// The counters of an index's contexts.
  struct Rows {
    std::array<Counter*, Mixer::inputs> first;
    std::array<std::uint32_t, Mixer::inputs> mirrored;
  };
  [[nodiscard]] Rows rows(std::size_t lane);

  /// Whether a decision is on a sign, or on a magnitude of known sign, or neither.
  enum class About { sign, signed_magnitude, other };

  template <About about, typename Port>
  bool decide(Port& port, const Rows& rows, bool bit, std::uint32_t node, bool negative = false);
  template <typename Port>
  int code_magnitude(Port& port, const Rows& rows, int magnitude, bool negative);
  template <typename Port>
  int code_value(Port& port, const Rows& rows, int value);

  Walk walk_;
  int zero_;
  int lowest_, highest_;    ///< Values.
  std::size_t output_ = 0;  ///< The next.
  Neighbourhood neighbourhood_;
  std::array<Mixer, nodes> mixers_;
  std::array<std::vector<Counter>, Mixer::inputs> counters_;
};

inline IndexModel::Rows IndexModel::rows(std::size_t lane) {
  const Contexts contexts = neighbourhood_.contexts(lane);
  return {{&counters_[0][contexts.predicted.number * nodes],
           &counters_[1][contexts.adjacent.number * nodes],
           &counters_[2][contexts.magnitude.number * nodes]},
          {contexts.predicted.mirrored, contexts.adjacent.mirrored, contexts.magnitude.mirrored}};
}

template <IndexModel::About about, typename Port>
bool IndexModel::decide(Port& port, const Rows& rows, bool bit, std::uint32_t node, bool negative) {
  // A mirrored context tells the other sign; magnitudes are told apart by whether their sign agrees
  // with the context's.
  Mixer::Inputs in;
  std::array<Counter*, Mixer::inputs> counters;
  for (std::size_t i = 0; i < Mixer::inputs; ++i) {
    const std::uint32_t side =
        about == About::signed_magnitude ? std::uint32_t{negative} ^ rows.mirrored[i] : 0;
    counters[i] = rows.first[i] + (node + side);
    const int log_odds = counters[i]->log_odds();
    in[i] = about == About::sign && rows.mirrored[i] != 0 ? -log_odds : log_odds;
  }
  Mixer& mixer = mixers_[node];
  const std::uint32_t one = logistic::squash(mixer.mix(in));
  bit = port.code(bit, one);
  mixer.update(in, bit, one);
  for (std::size_t i = 0; i < Mixer::inputs; ++i) {
    counters[i]->update(bit != (about == About::sign && rows.mirrored[i] != 0));
  }
  return bit;
}

template <typename Port>
int IndexModel::code_magnitude(Port& port, const Rows& rows, int magnitude, bool negative) {
  const int largest = negative ? -lowest_ : highest_;
  int found = 1;
  for (; found < unary; ++found) {
    if (found == largest) return found;
    const auto node = static_cast<std::uint32_t>(2 * found);
    const bool more =
        decide<About::signed_magnitude>(port, rows, magnitude > found, node, negative);
    if (!more) return found;
  }
  // From here on `found` is the lowest magnitude of its power of two.
  for (std::uint32_t node = first_power_node; 2 * found <= largest; ++node) {
    if (!decide<About::other>(port, rows, magnitude >= 2 * found, node)) break;
    found *= 2;
  }
  int rest = 0;
  for (int bit = found / 2; bit > 0; bit /= 2) {
    if (port.code(((magnitude - found) & bit) != 0, 1 << 15)) rest |= bit;
  }
  return found + rest;
}

template <typename Port>
int IndexModel::code_value(Port& port, const Rows& rows, int value) {
  if (!decide<About::other>(port, rows, value != 0, zero_node)) return 0;
  bool negative = lowest_ < 0;
  if (lowest_ < 0 && highest_ > 0) {
    negative = decide<About::sign>(port, rows, value < 0, sign_node);
  }
  const int magnitude = code_magnitude(port, rows, std::abs(value), negative);
  return negative ? -magnitude : magnitude;
}

template <typename Port, typename AnyIndex>
bool IndexModel::code(Port& port, std::span<AnyIndex> indices) {
  bool valid = true;
  const auto code_one = [&](std::size_t lane, const Rows& known, AnyIndex& index) {
    const int value = code_value(port, known, index - zero_);
    neighbourhood_.observe(lane, value);
    if constexpr (!std::is_const_v<AnyIndex>) {
      valid &= value >= lowest_ && value <= highest_;
      index = static_cast<Index>(value + zero_);
    }
  };
  const std::size_t size = walk_.inputs * walk_.taps;
  for (; !indices.empty(); output_ += Neighbourhood::lanes) {
    AnyIndex* first = indices.data();
    neighbourhood_.begin_outputs();
    if (output_ + 1 == walk_.outputs) {
      for (std::size_t i = 0; i < size; ++i) code_one(0, rows(0), first[i]);
      break;
    }
    indices = indices.subspan(Neighbourhood::lanes * size);
    // Contexts are taken one step ahead, while the other lane is coded.
    Rows next = rows(0);
    for (std::size_t i = 0; i < size; ++i) {
      const Rows other = rows(1);
      code_one(0, next, first[i]);
      if (i + 1 < size) next = rows(0);
      code_one(1, other, first[size + i]);
    }
  }
  return valid;
}

}  // namespace laconic
