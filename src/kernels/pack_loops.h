// Loops of packing, included as loops.h is: internal linkage, nothing of the standard library.

#pragma once

#include "kernels/code.h"

namespace laconic {
namespace {

/// Written for the compiler to vectorize: sums of so many indices, 255 at most, fit into 32 bits.
inline std::int64_t encode_evenly(const EncodeJob& job) {
  constexpr std::int64_t longest_sum = 1 << 16;
  const std::uint8_t first = job.codes[0];
  std::int64_t sum = 0;
  for (std::int64_t from = 0; from < job.count; from += longest_sum) {
    const std::int64_t left = job.count - from;
    const std::int64_t count = left < longest_sum ? left : longest_sum;
    const std::uint16_t* indices = job.indices + from;
    std::uint8_t* out = job.out + from;
    std::uint32_t positions = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = static_cast<std::uint8_t>(indices[i] + first);
      positions += indices[i];
    }
    sum += std::int64_t{positions} * job.step;
  }
  return job.multiples == nullptr ? 0 : sum + job.count * job.multiples[0];
}

inline std::int64_t encode_plain(const EncodeJob& given) {
  const EncodeJob job = given;  // Codes might alias the original.
  if (job.even) return encode_evenly(job);
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < job.count; ++i) {
    const std::uint16_t index = job.indices[i];
    job.out[i] = job.codes[index];
    sum += job.multiples[index];
  }
  return sum;
}

inline void split_plain(const SplitJob& given) {
  const SplitJob job = given;  // Codes might alias the original.
  for (std::int64_t tap = 0; tap < job.taps; ++tap) {
    std::uint8_t* to = job.out + job.places[tap];
    const std::uint8_t* from = job.row + tap;
    for (std::int64_t i = 0; i < job.channels; ++i) to[i] = from[i * job.taps];
  }
}

/// The compiler's own vectors: it makes little of such loops over an array.
using Words = std::uint32_t __attribute__((vector_size(chunk_bytes)));

/// Rows are turned into quads, 16 of a row at a time; and no byte of a chunk passes 255, so
/// products of words do not carry over.
template <class V>
void deal(const DealJob& job) {
  constexpr std::int64_t most_quads = 8;
  alignas(64) float turned[deal_chunks * most_quads * panel_rows];
  const std::byte* rows = job.rows;
  std::byte* out = job.out;
  for (std::int64_t left = job.chunks; left > 0; left -= deal_chunks) {
    for (int q = 0; q < job.quads; ++q, rows += chunk_bytes) {
      V::transpose(reinterpret_cast<const float*>(rows), job.stride / std::int64_t{sizeof(float)},
                   panel_rows, turned + q * panel_rows * panel_rows);
    }
    const auto* quad = reinterpret_cast<const char*>(turned);
    for (std::int64_t i = 0; i < deal_chunks && i < left; ++i, out += chunk_bytes) {
      Words sum, next;
      __builtin_memcpy(&sum, quad, sizeof sum);
      quad += chunk_bytes;
      std::uint32_t factor = job.base;
      for (int q = 1; q < job.quads; ++q, factor *= job.base, quad += chunk_bytes) {
        __builtin_memcpy(&next, quad, sizeof next);
        sum += next * factor;
      }
      __builtin_memcpy(out, &sum, sizeof sum);
    }
  }
}

}  // namespace
}  // namespace laconic
