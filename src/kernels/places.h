// Where the weights of a row lie in a panel.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/packed_weights.h"

namespace laconic {

/// Weights of a row of a panel, filled up to whole chunks of so many quads.
inline std::int64_t panel_weights(const Reduction& reduction, int chunk_quads) {
  return reduction.segments * reduction.segment_chunks(chunk_quads) * chunk_quads * 4;
}

/// Where a run begins in a row of a panel.
inline std::int64_t run_place(const Reduction& reduction, int chunk_quads, std::int64_t run) {
  const std::int64_t segment = reduction.segment_chunks(chunk_quads) * chunk_quads * 4;
  const std::int64_t within = run % reduction.segment_runs * reduction.run_quads() * 4;
  return run / reduction.segment_runs * segment + within;
}

/// Values of a row in the tensor's order, to the order of a panel's quads; what fills is left
/// alone.
template <typename T>
void arrange_row(const Reduction& reduction, int chunk_quads, const T* row, T* out) {
  for (std::int64_t run = 0; run < reduction.runs(); ++run) {
    T* to = out + run_place(reduction, chunk_quads, run);
    if (reduction.taps == 1) {  // Runs are stretches of channels.
      const std::int64_t first = run * reduction.run_length;
      const std::int64_t last = std::min(first + reduction.run_length, reduction.channels);
      std::copy(row + first, row + last, to);
    } else {  // Runs are taps of all channels.
      for (std::int64_t i = 0; i < reduction.channels; ++i) to[i] = row[i * reduction.taps + run];
    }
  }
}

/// The position in the row of each weight of its quads; -1 where weights fill.
inline std::vector<std::int64_t> places(const Reduction& reduction, int chunk_quads) {
  std::vector<std::int64_t> row(static_cast<std::size_t>(reduction.weights()));
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<std::int64_t>(i);
  std::vector<std::int64_t> out(static_cast<std::size_t>(panel_weights(reduction, chunk_quads)),
                                -1);
  arrange_row(reduction, chunk_quads, row.data(), out.data());
  return out;
}

}  // namespace laconic
