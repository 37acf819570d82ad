#include "kernels/round_levels.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/code.h"

namespace laconic {
namespace {

constexpr int finest_that_must_be_exact = 64;  // Coarser steps are of use only if exact.
constexpr int exact_octaves = 64;              // Steps of the largest of powers of two: 2^0 to 2^6.

/// The largest error of multiples of `step`, or `enough` as soon as it is reached.
double largest_error(std::span<const float> levels, double step, double enough) {
  double largest = 0;
  for (const float level : levels) {
    const double multiple = std::nearbyint(level / step);
    largest = std::max(largest, std::abs(level - step * multiple));
    if (largest >= enough) return enough;
  }
  return largest;
}

/// Whether levels are the magnitude over powers of two, or zero.
bool are_powers_of_two(std::span<const float> levels, double magnitude) {
  return std::ranges::all_of(levels, [magnitude](float level) {
    const double ratio = magnitude / std::abs(double{level});
    int exponent = 0;
    return level == 0 || std::abs(std::frexp(ratio, &exponent) - 0.5) <= 0x1p-22;
  });
}

}  // namespace

float best_step(std::span<const float> levels) {
  double magnitude = 0;
  for (const float level : levels) magnitude = std::max(magnitude, std::abs(double{level}));
  if (magnitude == 0) return 0;
  // A few roundings of single precision off a multiple count as exact: levels are rounded to that.
  // The coarsest exact step leaves the fewest distinct multiples.
  const double exact = 0x1p-22 * magnitude;
  double best_error = magnitude;
  int best = largest_multiple;
  for (int n = 1; n <= largest_multiple && best_error > exact; ++n) {
    const double enough = n < finest_that_must_be_exact ? exact : best_error;
    const double error = largest_error(levels, magnitude / n, enough);
    if (error < enough) {
      best_error = error;
      best = n;
    }
  }
  // Finer steps would halve the largest error, that of the first level below 7 octaves, and round
  // the levels above, which most weights take.
  if (best_error > exact && are_powers_of_two(levels, magnitude)) best = exact_octaves;
  return static_cast<float>(magnitude / best);
}

std::int8_t nearest_multiple(float level, float step) {
  if (step == 0) return 0;  // It underflowed, or all levels are zero.
  const double multiple = std::nearbyint(level / double{step});
  return static_cast<std::int8_t>(
      std::clamp<double>(multiple, -largest_multiple, largest_multiple));
}

RoundedLevels round_levels(const Codebook& codebook) {
  RoundedLevels out;
  EvenSpacing even;
  const auto levels = codebook.levels();
  const bool evenly = find_even_spacing(codebook, even) && even.first >= -largest_multiple &&
                      even.first + std::ssize(levels) - 1 <= largest_multiple;
  out.step = evenly ? even.step : best_step(levels);
  for (const float level : levels) {
    out.multiples.push_back(nearest_multiple(level, out.step));
    const float stand_in = out.step * static_cast<float>(out.multiples.back());
    out.error = std::max(out.error, std::abs(level - stand_in));
  }
  return out;
}

}  // namespace laconic
