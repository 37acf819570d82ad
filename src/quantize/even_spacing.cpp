// Evenly spaced codebooks: making them, and finding the spacing of a given one to the bit.

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "laconic/error.h"
#include "laconic/quantized_tensor.h"

namespace laconic {
namespace {

/// Products of a float and a whole number up to this are exact in double, so that a level is
/// rounded once, and neighbouring levels stay apart.
constexpr std::int64_t max_multiple = 65535;

float multiple(float step, std::int64_t k) {
  return static_cast<float>(static_cast<double>(step) * static_cast<double>(k));
}

bool reproduces(std::span<const float> levels, float step, std::int64_t first) {
  if (!(step > 0) || !std::isfinite(step)) return false;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (multiple(step, first + static_cast<std::int64_t>(i)) != levels[i]) return false;
  }
  return true;
}

/// The step that makes `levels` from first*step on, if there is one. The outermost level is within
/// half a unit in its last place of k*step, so the step is within two floats of level/k.
bool find_step(std::span<const float> levels, std::int64_t first, float& step) {
  const std::int64_t last = first + static_cast<std::int64_t>(levels.size()) - 1;
  const bool low_end = std::abs(first) > std::abs(last);
  const double outermost = low_end ? levels.front() : levels.back();
  step = static_cast<float>(outermost / static_cast<double>(low_end ? first : last));
  for (int i = 0; i < 2; ++i) step = std::nextafter(step, 0.0f);
  for (int i = 0; i < 5; ++i, step = std::nextafter(step, INFINITY)) {
    if (reproduces(levels, step, first)) return true;
  }
  return false;
}

}  // namespace

Codebook Codebook::evenly_spaced(float step, std::int64_t first, std::int64_t count) {
  if (!(step > 0) || !std::isfinite(step)) {
    fail(ErrorCode::invalid_argument,
         "the step of a codebook is {}, but must be positive and finite", step);
  }
  if (count < 1 || count > max_multiple + 1 || std::min(first, first + count - 1) < -max_multiple ||
      std::max(first, first + count - 1) > max_multiple) {
    fail(ErrorCode::invalid_argument,
         "a codebook of {} multiples of a step from {} on: they must lie within -{} to {}", count,
         first, max_multiple, max_multiple);
  }
  std::vector<float> levels(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    levels[static_cast<std::size_t>(i)] = multiple(step, first + i);
  }
  return Codebook(std::move(levels));
}

bool find_even_spacing(const Codebook& codebook, EvenSpacing& spacing) noexcept {
  const auto levels = codebook.levels();
  const double low = levels.front(), high = levels.back();
  if (levels.size() == 1) {
    spacing = low == 0 ? EvenSpacing{1, 0} : EvenSpacing{std::abs(levels[0]), low < 0 ? -1 : 1};
    return true;
  }
  // Rounding blurs the mean distance of levels, so several multiples can be the first.
  const double distance = (high - low) / static_cast<double>(levels.size() - 1);
  const double blur = 0x1p-23 * (std::abs(low) + std::abs(high)) / (high - low);
  const double estimate = low / distance, slack = std::abs(estimate) * blur + 0.5;
  if (blur > 0.02 || std::abs(estimate) > 1.1 * max_multiple) return false;
  const auto limit = max_multiple - static_cast<std::int64_t>(levels.size()) + 1;
  const auto from = std::max(static_cast<std::int64_t>(std::ceil(estimate - slack)), -max_multiple);
  const auto to = std::min(static_cast<std::int64_t>(std::floor(estimate + slack)), limit);
  for (std::int64_t first = from; first <= to; ++first) {
    if (find_step(levels, first, spacing.step)) {
      spacing.first = first;
      return true;
    }
  }
  return false;
}

}  // namespace laconic
