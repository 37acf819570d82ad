// The inner loop of the dynamic program over cuts.

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace laconic {

/// Running sums at the borders where a last cut may lie, and what the path up to each costs less
/// the running square there: with it, a path's cost up to some border is square + path[i] - (offset
/// - offset[i])^2 / (importance - importance[i]), sums without index being that border's.
struct SplitSums {
  const double* importance = nullptr;
  const double* offset = nullptr;
  const double* path = nullptr;
};

struct Split {
  double value = std::numeric_limits<double>::infinity();
  std::size_t at = 0;
};

/// The best last cut in [low, high) of paths to a border with the running sums `h_to` and `s_to`,
/// its running square left out. Four candidates are looked at side by side, in the same way on
/// every machine; of equals the first wins.
inline Split best_split(const SplitSums& sums, double h_to, double s_to, std::size_t low,
                        std::size_t high) {
  // Values and masks of one width, so that compilers keep them in vector registers.
  using Values = double __attribute__((vector_size(32)));
  using Masks = std::int64_t __attribute__((vector_size(32)));
  Split best;
  std::size_t i = low;
  if (high - low >= 8) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    Values value = {infinity, infinity, infinity, infinity};
    Masks at = {}, here = {0, 1, 2, 3};
    const auto base = static_cast<std::int64_t>(low);
    here += base;
    for (; i + 4 <= high; i += 4, here += 4) {
      Values h, s, path;
      __builtin_memcpy(&h, sums.importance + i, sizeof h);
      __builtin_memcpy(&s, sums.offset + i, sizeof s);
      __builtin_memcpy(&path, sums.path + i, sizeof path);
      h = h_to - h;
      s = s_to - s;
      const Values gain = s * s / h;
      const Values candidate = path - (h > 0 ? gain : Values{});
      const Masks better = candidate < value;
      value = better ? candidate : value;
      at = better ? here : at;
    }
    for (int lane = 0; lane < 4; ++lane) {
      const auto index = static_cast<std::size_t>(at[lane]);
      if (value[lane] < best.value || (value[lane] == best.value && index < best.at)) {
        best = {value[lane], index};
      }
    }
  }
  for (; i < high; ++i) {
    const double h = h_to - sums.importance[i], s = s_to - sums.offset[i];
    const double candidate = sums.path[i] - (h > 0 ? s * s / h : 0);
    if (candidate < best.value) best = {candidate, i};
  }
  return best;
}

}  // namespace laconic
