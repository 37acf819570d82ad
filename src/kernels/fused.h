// The loop of fused kernels: panels against a few columns, weights expanded in registers only.

#pragma once

#include "kernels/code.h"

namespace laconic {
namespace {

/// A number that a template can take from an argument.
template <int number>
struct Number {
  static constexpr int value = number;
};

/// Calls visit(Number<q>) for q from `first` to `end` - 1.
template <int end, int first = 0, class Visit>
inline __attribute__((always_inline)) void for_each_number(const Visit& visit) {
  if constexpr (first < end) {
    visit(Number<first>{});
    for_each_number<end, first + 1>(visit);
  }
}

/// `Weights` has a constructor from tables, `quads`, Chunk open(p), Bytes quad<q>(Chunk).
template <class V, class Weights, int panels, int columns>
void fused_panels(const FusedJob& job, const Weights& weights, std::int64_t first) {
  // Two sums for each output where there are few: the next product need not wait for the last.
  constexpr int chains = columns == 1 ? 2 : 1;
  const std::int64_t chunks = job.weights.segment_chunks;
  const std::byte* packed[panels];
  for (int p = 0; p < panels; ++p) {
    packed[p] = job.weights.packed + (first + p) * job.panel_stride;
  }
  const std::byte* x = job.x;
  for (std::int64_t s = 0; s < job.weights.segments; ++s) {
    typename V::Acc acc[columns][panels][chains];
    for (auto& column : acc) {
      for (auto& panel : column) {
        for (auto& sum : panel) sum = V::zero();
      }
    }
    for (std::int64_t i = 0; i < chunks; ++i) {
      typename Weights::Chunk chunk[panels];
      for (int p = 0; p < panels; ++p) {
        V::prefetch(packed[p] + V::prefetch_distance);
        chunk[p] = weights.open(packed[p]);
        packed[p] += chunk_bytes;
      }
      for_each_number<Weights::quads>([&](auto number) __attribute__((always_inline)) {
        constexpr int q = decltype(number)::value;
        typename V::Bytes bytes[columns];
        for (int c = 0; c < columns; ++c) bytes[c] = V::repeat(x + c * job.column_stride + 4 * q);
        for (int p = 0; p < panels; ++p) {
          const auto quad = weights.template quad<q>(chunk[p]);
          for (int c = 0; c < columns; ++c) {
            acc[c][p][q % chains] = V::dot(acc[c][p][q % chains], bytes[c], quad);
          }
        }
      });
      x += 4 * Weights::quads;
    }
    for (int p = 0; p < panels; ++p) {
      const std::int64_t panel = first + p;
      const auto scale =
          V::load_floats(job.scales + (panel * job.weights.segments + s) * panel_rows);
      for (int c = 0; c < columns; ++c) {
        if constexpr (chains == 2) acc[c][p][0] = V::add_sums(acc[c][p][0], acc[c][p][1]);
        float* sum = job.sums + (c * job.panels + panel) * panel_rows;
        const auto part = V::mul(V::floats(acc[c][p][0]), scale);
        V::store_floats(sum, s == 0 ? part : V::add(V::load_floats(sum), part));
      }
    }
  }
}

template <class V, class Weights, int columns>
void fused_columns(const FusedJob& job) {
  if constexpr (columns > 1) {
    if (job.columns < columns) return fused_columns<V, Weights, columns - 1>(job);
  }
  const Weights weights(job.weights.table);
  std::int64_t p = 0;
  for (; p + V::fused_panels <= job.panels; p += V::fused_panels) {
    fused_panels<V, Weights, V::fused_panels, columns>(job, weights, p);
  }
  for (; p < job.panels; ++p) fused_panels<V, Weights, 1, columns>(job, weights, p);
}

template <class V, class Weights>
void fused(const FusedJob& job) {
  fused_columns<V, Weights, V::fused_columns>(job);
}

}  // namespace
}  // namespace laconic
