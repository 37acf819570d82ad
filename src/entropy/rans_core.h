// The part of rANS between tables and payload: indices to states and words, and back.
//
// Duda, Asymmetric numeral systems, 2013. A state x in [2^16, 2^32) takes in a symbol by
//   x -> (x / f) * 2^precision + x % f + first slot of the symbol,
// after it has given its lower 16 bits away if it would otherwise grow beyond 2^32. Encoders go
// from the last index to the first, so that decoders go forwards.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "entropy/frequencies.h"
#include "entropy/rans_loops.h"
#include "laconic/coder.h"

namespace laconic {

/// States and words of a tensor. With one lane, the state starts at 1 and gives words away only
/// once it has grown, so tiny tensors pay nothing for it; with more, they start at 2^16.
struct RansStream {
  std::vector<std::uint32_t> states = {};
  std::vector<std::uint16_t> words = {};  ///< In the order in which decoders take them.
};

/// `lanes` is 1, 4 or 64; at least two symbols occur.
[[nodiscard]] RansStream rans_encode(std::span<const Index> indices, const Frequencies& frequencies,
                                     int lanes, const RansLoops& loops);

/// Where one symbol of a tensor leads: 2^precision of them.
struct RansSlot {
  std::uint16_t symbol, frequency, place;
};

/// The states of a decoder on their way through a tensor's words.
class RansDecoder {
 public:
  /// As many states as lanes: 1, 4 or 64.
  RansDecoder(std::vector<std::uint32_t> states, const Frequencies& frequencies,
              const RansLoops& loops);

  /// Fills `indices`, of which there are a multiple of the lanes unless they are a tensor's last,
  /// from words of two bytes, the lower first. Returns how many bytes it took, or nothing if there
  /// were too few; with two bytes for each index there are not.
  [[nodiscard]] std::optional<std::size_t> decode(std::span<const std::byte> words,
                                                  std::span<Index> indices);

  /// Whether the states are the encoder's first, as they must be in the end.
  [[nodiscard]] bool at_start() const;

 private:
  std::vector<std::uint32_t> states_;
  int precision_;
  std::vector<RansSlot> slots_;
  std::vector<std::uint32_t> packed_;  ///< The slots in the form of RansLoops, if those apply.
  const RansLoops& loops_;
};

}  // namespace laconic
