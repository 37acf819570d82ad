#include "kernels/places.h"

namespace laconic {

std::vector<std::int64_t> places(const Reduction& reduction, int chunk_quads) {
  const std::int64_t segment = reduction.segment_chunks(chunk_quads) * chunk_quads * 4;
  const std::int64_t run_quads = reduction.run_quads();
  std::vector<std::int64_t> out(static_cast<std::size_t>(segment * reduction.segments), -1);
  for (std::int64_t run = 0; run < reduction.runs(); ++run) {
    const std::int64_t within = run % reduction.segment_runs * run_quads * 4;
    const std::int64_t first = run / reduction.segment_runs * segment + within;
    // Runs are taps of all channels, or stretches of the channels of a single tap.
    const bool tap = reduction.runs() == reduction.taps;
    for (std::int64_t i = 0; i < reduction.run_length; ++i) {
      const std::int64_t channel = tap ? i : run * reduction.run_length + i;
      if (channel >= reduction.channels) break;
      out[static_cast<std::size_t>(first + i)] = channel * reduction.taps + (tap ? run : 0);
    }
  }
  return out;
}

}  // namespace laconic
