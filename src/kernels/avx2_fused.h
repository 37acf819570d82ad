// A few columns against packed panels with AVX2, by the sums of avx2_sums.h.

#pragma once

#include "kernels/avx2_sums.h"

namespace laconic {
namespace {

/// `together` chunks of a panel at a time.
template <class Weights, int columns>
void fused_short_panel(const FusedJob& job, const Weights& weights, std::int64_t panel,
                       std::int64_t together) {
  const std::int64_t chunks = job.weights.segment_chunks;
  const std::byte* packed = job.weights.packed + panel * job.panel_stride;
  const std::byte* x = job.x;
  for (std::int64_t s = 0; s < job.weights.segments; ++s) {
    Avx2::Acc wide[columns];
    for (auto& sum : wide) sum = Avx2::zero();
    for (std::int64_t i = 0; i < chunks;) {
      ShortSums<columns> sums;
      const std::int64_t end = i + together < chunks ? i + together : chunks;
      for (; i < end; ++i, packed += chunk_bytes, x += 4 * Weights::quads) {
        Avx2::prefetch(packed + Avx2::prefetch_distance);
        const auto chunk = weights.open(packed);
        for_each_number<Weights::quads>([&](auto number) __attribute__((always_inline)) {
          constexpr int q = decltype(number)::value;
          const auto quad = weights.template quad<q>(chunk);
          for_each_number<columns>([&](auto column) __attribute__((always_inline)) {
            constexpr int c = decltype(column)::value;
            sums.template add<c>(x + c * job.column_stride + 4 * q, quad);
          });
        });
      }
      sums.add_to(wide);
    }
    const float* scale = job.scales + (panel * job.weights.segments + s) * panel_rows;
    for (int c = 0; c < columns; ++c) {
      add_scaled(wide[c], scale, s == 0, job.sums + (c * job.panels + panel) * panel_rows);
    }
  }
}

template <class Weights, int columns>
void fused_short(const FusedJob& job, std::int64_t together) {
  if constexpr (columns > 1) {
    if (job.columns < columns) return fused_short<Weights, columns - 1>(job, together);
  }
  const Weights weights(job.weights.table);
  for (std::int64_t p = 0; p < job.panels; ++p) {
    fused_short_panel<Weights, columns>(job, weights, p, together);
  }
}

template <class Weights>
void fused_int8(const FusedJob& job) {
  const std::int64_t quads = short_quads(job.largest);
  if (quads == 0) {
    fused<Avx2, Weights>(job);
  } else if (quads < Weights::quads) {
    fused<Avx2Narrow, Weights>(job);
  } else {
    fused_short<Weights, Avx2::fused_columns>(job, quads / Weights::quads);
  }
}

}  // namespace
}  // namespace laconic
