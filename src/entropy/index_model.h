// The adaptive model of indices: each is a few binary decisions, whose probabilities are mixed from
// adaptive counters of several contexts.
//
// Decisions on a value (an index less zero's): is it zero; its sign; whether its magnitude exceeds
// 1, 2, ..., and from 8 on which power of two it reaches, with the bits below that unmodelled. A
// decision with only one possible outcome is not coded.
//
// Where values lie on paths of the trellis (core/trellis.h), decisions are on a value's number in
// the set of its state, and either set has counters and mixers of its own.

#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <type_traits>
#include <vector>

#include "core/trellis.h"
#include "entropy/logistic.h"
#include "entropy/mixing.h"
#include "entropy/neighbourhood.h"

namespace laconic {

class IndexModel {
 public:
  /// Indices lie in [0, largest]; `zero` is the one around which they are modelled.
  IndexModel(const Walk& walk, int zero, int largest, bool on_trellis = false);

  /// Codes the next output channels through `port`, whose code(bit, probability of one) returns the
  /// bit: a multiple of Neighbourhood::lanes, or all that are left. Fills `indices` if they are not
  /// const. False if the port's bits made an index beyond the largest. On the trellis, indices that
  /// are given must be on paths of it.
  template <typename Port, typename AnyIndex>
  [[nodiscard]] bool code(Port& port, std::span<AnyIndex> indices);

 private:
  static constexpr std::uint32_t nodes = 32;  ///< Kinds of decisions.
  static constexpr std::uint32_t zero_node = 0, sign_node = 1, first_power_node = 16;
  static constexpr int unary = 8;  ///< Magnitudes from here on go by powers of two.

  static constexpr std::uint32_t sets = 2;  ///< Of values, on the trellis.

  struct Priors;
  [[nodiscard]] static const Priors& priors(bool on_trellis);

  /// The numbers that may be coded: values themselves, or of a set.
  struct Bounds {
    int lowest, highest;
  };

  /// The counters of an index's contexts.
  struct Rows {
    std::array<Counter*, Mixer::inputs> first;
    std::array<std::uint32_t, Mixer::inputs> mirrored;
    std::uint32_t set;  ///< 1: the odd one of the trellis.
  };
  [[nodiscard]] Rows rows(std::size_t lane);

  /// Whether a decision is on a sign, or on a magnitude of known sign, or neither.
  enum class About { sign, signed_magnitude, other };

  template <About about, typename Port>
  bool decide(Port& port, const Rows& rows, bool bit, std::uint32_t node, bool negative = false);
  template <typename Port>
  int code_magnitude(Port& port, const Rows& rows, int magnitude, bool negative);
  template <typename Port>
  int code_number(Port& port, const Rows& rows, int number);

  Walk walk_;
  int zero_;
  int lowest_, highest_;  ///< Values.
  bool on_trellis_;
  std::array<Bounds, sets> bounds_;  ///< By set.
  std::array<trellis::State, Neighbourhood::lanes> states_{};
  std::size_t output_ = 0;  ///< The next.
  Neighbourhood neighbourhood_;
  std::array<Mixer, sets * nodes> mixers_;
  std::array<std::vector<Counter>, Mixer::inputs> counters_;
};

inline IndexModel::Rows IndexModel::rows(std::size_t lane) {
  const Contexts contexts = neighbourhood_.contexts(lane);
  const std::uint32_t set = on_trellis_ ? states_[lane] & 1 : 0;
  const std::uint32_t width = on_trellis_ ? sets * nodes : nodes, offset = set * nodes;
  return {{&counters_[0][contexts.predicted.number * width + offset],
           &counters_[1][contexts.adjacent.number * width + offset],
           &counters_[2][contexts.magnitude.number * width + offset]},
          {contexts.predicted.mirrored, contexts.adjacent.mirrored, contexts.magnitude.mirrored},
          set};
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
  Mixer& mixer = mixers_[rows.set * nodes + node];
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
  const Bounds& bounds = bounds_[rows.set];
  const int largest = negative ? -bounds.lowest : bounds.highest;
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
int IndexModel::code_number(Port& port, const Rows& rows, int number) {
  const Bounds& bounds = bounds_[rows.set];
  // An even set of values from -1 to 1 has nothing but zero.
  if (bounds.lowest == 0 && bounds.highest == 0) return 0;
  if (!decide<About::other>(port, rows, number != 0, zero_node)) return 0;
  bool negative = bounds.lowest < 0;
  if (bounds.lowest < 0 && bounds.highest > 0) {
    negative = decide<About::sign>(port, rows, number < 0, sign_node);
  }
  const int magnitude = code_magnitude(port, rows, std::abs(number), negative);
  return negative ? -magnitude : magnitude;
}

template <typename Port, typename AnyIndex>
bool IndexModel::code(Port& port, std::span<AnyIndex> indices) {
  bool valid = true;
  const auto code_one = [&](std::size_t lane, const Rows& known, AnyIndex& index) {
    int value = index - zero_;
    if (on_trellis_) {
      const bool odd = known.set != 0;
      const int number = code_number(port, known, trellis::number(odd, value));
      states_[lane] = trellis::next(states_[lane], number % 2 != 0);
      value = trellis::value(odd, number);
    } else {
      value = code_number(port, known, value);
    }
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
    states_.fill(0);
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
