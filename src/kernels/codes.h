// Single codes of a chunk: the plain way to read them.

#pragma once

#include "kernels/code.h"
#include "kernels/fused.h"

namespace laconic {
namespace {

/// The code of quad `quad` in a byte of a chunk.
inline unsigned code_in(WeightForm form, std::byte byte, int quad) {
  constexpr unsigned powers_of_three[] = {1, 3, 9, 27, 81};
  const auto value = std::to_integer<unsigned>(byte);
  if (form == WeightForm::trits5) return value / powers_of_three[quad] % 3;
  const int bits = 8 / chunk_quads(form);
  return value >> (bits * quad) & ((1u << bits) - 1);
}

/// Expands codes to int8 quads or to rows of floats, one at a time.
template <WeightForm form, typename T>
void unpack_codes(const UnpackJob& job) {
  constexpr int quads = chunk_quads(form);
  const auto* table = static_cast<const T*>(job.table);
  const std::byte* packed = job.packed;
  T* out = reinterpret_cast<T*>(job.out);
  for (std::int64_t s = 0; s < job.segments; ++s) {
    for (std::int64_t i = 0; i < job.segment_chunks; ++i, packed += chunk_bytes) {
      for (int quad = 0; quad < quads; ++quad, out += chunk_bytes) {
        for (int lane = 0; lane < chunk_bytes; ++lane) {
          const int row = lane / 4;
          const T* levels = job.per_row ? table + row * job.table_size : table;
          const T value = levels[code_in(form, packed[lane], quad)];
          out[sizeof(T) == 1 ? lane : lane % 4 * panel_rows + row] = value;
        }
      }
    }
    if (job.per_row) table += panel_rows * job.table_size;
  }
}

/// The same to int8 quads by an instruction set's own look-up, where all rows share a table: a
/// chunk at a time.
template <WeightForm form, class Vectors, class Weights>
void unpack_quads(const UnpackJob& job) {
  if (job.per_row) return unpack_codes<form, std::int8_t>(job);
  const Weights weights(job.table);
  const std::byte* packed = job.packed;
  std::byte* out = job.out;
  for (std::int64_t i = 0; i < job.segments * job.segment_chunks; ++i, packed += chunk_bytes) {
    const auto chunk = weights.open(packed);
    for_each_number<chunk_quads(form)>([&](auto number) {
      Vectors::store(out, weights.template quad<decltype(number)::value>(chunk));
      out += chunk_bytes;
    });
  }
}

}  // namespace
}  // namespace laconic
