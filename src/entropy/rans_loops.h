// The inner loops of rANS in vector registers: which there are, and which this CPU can run.
//
// They work on the form that large tensors take: 64 interleaved states, of which lane i % 64 holds
// index i, and 16-bit words that the lanes share, taken in the order of the lanes. Whatever they
// leave, the scalar loops of rans.cpp do, with equal results. This header is included where wide
// instructions are allowed, so nothing in it may be compiled into a function.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace laconic {

inline constexpr int rans_lanes = 64;
inline constexpr int rans_vector_precision = 12;
inline constexpr int rans_vector_symbols = 256;

struct RansLoops {
  const char* name;

  /// Decodes groups of 64 indices until `groups` are done or fewer than 64 words are left from
  /// *next to `end`; returns how many it did. A slot of the 2^12 holds the symbol in its lowest 8
  /// bits, then in 12 the frequency, then in 12 the slot's place among those of the symbol. Null:
  /// none.
  std::size_t (*decode)(const std::uint32_t* slots, std::uint32_t* states,
                        const unsigned char** next, const unsigned char* end, std::uint16_t* out,
                        std::size_t groups);

  /// Encodes `groups` groups of 64 indices, the last first, writing words downwards from *next. A
  /// range holds the frequency in its lower and the first slot in its upper 16 bits. The precision
  /// is 12 or more. Null: none.
  void (*encode)(const std::uint32_t* ranges, int precision, std::uint32_t* states,
                 std::uint16_t** next, const std::uint16_t* indices, std::size_t groups);
};

/// The loops that this CPU can run, the fastest first; the last is scalar, with none of its own.
[[nodiscard]] std::span<const RansLoops> rans_loops() noexcept;

}  // namespace laconic
