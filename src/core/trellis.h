// The trellis that says which multiples of a step an index may be, given those before it.
//
// Trellis-coded quantization (Marcellin & Fischer 1990) with the union of two sets of levels, as in
// JPEG 2000 and, with zero in both sets, in VVC's dependent quantization (Schwarz et al. 2019): a
// state chooses between the even multiples of a step and the odd ones with zero; the parity of a
// value's number in its set moves the state. An index costs the bits of twice the step, but a path
// through the states comes as near to the weights as levels of vectors do.
//
// The states are those of Ungerboeck's code of rate 1/2 with 8 states (1982, amplitude modulation):
// a register of the last three bits b shifted in, the parity being b + b[2 ago] + b[3 ago].

#pragma once

#include <cstdint>

#include "laconic/quantized_tensor.h"

namespace laconic::trellis {

inline constexpr int states = 8;

/// Distance of levels on the trellis that does as much damage as evenly spaced levels one apart do.
inline constexpr double step_ratio = 0.56;

/// In [0, states). A path begins in state 0 with each output channel and goes through its weights
/// in storage order; a tensor of one axis is one path.
using State = std::uint32_t;

/// Whether a state's set is that of the odd multiples and zero; else it is the even multiples.
[[nodiscard]] constexpr bool is_odd(State state) noexcept {
  return (state & 1) != 0;
}

[[nodiscard]] constexpr State next(State state, bool odd_number) noexcept {
  const bool bit = odd_number != ((((state >> 1) ^ (state >> 2)) & 1) != 0);
  return ((state << 1) & (states - 1)) | (bit ? 1U : 0U);
}

/// Number of a value in a set: ..., -4, -2, 0, 2, 4, ... or ..., -3, -1, 0, 1, 3, ...; and back.
[[nodiscard]] constexpr int number(bool is_odd, int value) noexcept {
  return (value + (is_odd ? (value > 0) - (value < 0) : 0)) / 2;
}
[[nodiscard]] constexpr int value(bool is_odd, int number) noexcept {
  return 2 * number - (is_odd ? (number > 0) - (number < 0) : 0);
}
[[nodiscard]] constexpr bool has(bool is_odd, int value) noexcept {
  return value == 0 || (value % 2 != 0) == is_odd;
}

/// Where a value leads from a state whose set has it.
[[nodiscard]] constexpr State after(State state, int value) noexcept {
  return next(state, number(is_odd(state), value) % 2 != 0);
}

/// Weights of a path.
[[nodiscard]] constexpr std::int64_t path_length(const Shape& shape) noexcept {
  std::int64_t length = 1;
  for (std::size_t i = shape.size() > 1 ? 1 : 0; i < shape.size(); ++i) length *= shape[i];
  return length;
}

}  // namespace laconic::trellis
