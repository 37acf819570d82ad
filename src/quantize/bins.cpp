#include "quantize/bins.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace laconic {
namespace {

constexpr std::size_t chunk = 1024;  ///< Weights whose bins are found before they are summed.

/// Adding this to a double below 2^51 in magnitude leaves the nearest whole number in the low bits.
constexpr double shifter = 0x1.8p52;

/// The place of a scaled weight: rises with it, as every operation in it is monotone.
inline std::int32_t place(float scaled, float typical) {
  constexpr auto last = static_cast<float>(Bins::half - 1);
  const float share = 1 - typical / (typical + std::abs(scaled));
  const auto magnitude =
      static_cast<std::int32_t>(std::min(share * static_cast<float>(Bins::half), last));
  return static_cast<std::int32_t>(Bins::half) +
         (magnitude ^ -static_cast<std::int32_t>(scaled < 0));
}

}  // namespace

std::size_t Bins::bin_of(float weight) const {
  return static_cast<std::size_t>(place(weight * inverse_scale_, typical_));
}

Bins::Bins(const CheckedBlock& block) : ids_(block.weights.size()), sums_(count) {
  // Powers of two, so that scaled weights and importances give the same bins and sums. Their range
  // leaves the smallest floats out, which then count as zeros.
  const int exponent =
      std::clamp(block.largest_weight > 0 ? std::ilogb(block.largest_weight) + 1 : 0, -120, 128);
  inverse_scale_ = static_cast<float>(std::ldexp(1.0, -exponent));
  scale_ = std::ldexp(1.0, exponent);
  typical_ = std::max(block.typical_weight * inverse_scale_, 0x1p-40f);
  // So that not even all sums together leave 62 bits, nor one addend the shifter's 51.
  const int bits = std::min(62 - static_cast<int>(std::bit_width(block.weights.size())), 50);
  unit_ = std::ldexp(1.0, std::ilogb(block.largest_importance) + 1 - bits);

  using Pair = std::int64_t __attribute__((vector_size(16)));
  static_assert(sizeof(Pair) == sizeof(Sums));
  constexpr auto shifted_zero = std::bit_cast<std::int64_t>(shifter);
  const double per_unit = 1 / unit_, per_scale = 1 / scale_;
  std::array<std::int32_t, chunk> bins;
  std::array<float, chunk> ones;
  std::array<Sums, chunk> addends;
  ones.fill(1);
  for (std::size_t begin = 0; begin < ids_.size(); begin += chunk) {
    const std::size_t size = std::min(chunk, ids_.size() - begin);
    const float* weights = block.weights.data() + begin;
    const float* importances =
        block.importance.empty() ? ones.data() : block.importance.data() + begin;
    // Separate loops, so that compilers turn all but the last into vector instructions.
    for (std::size_t i = 0; i < size; ++i) bins[i] = place(weights[i] * inverse_scale_, typical_);
    for (std::size_t i = 0; i < size; ++i) ids_[begin + i] = static_cast<Index>(bins[i]);
    for (std::size_t i = 0; i < size; ++i) {
      const double importance = static_cast<double>(importances[i]) * per_unit + shifter;
      const double moment =
          (importance - shifter) * (static_cast<double>(weights[i]) * per_scale) + shifter;
      addends[i].importance = std::bit_cast<std::int64_t>(importance) - shifted_zero;
      addends[i].moment = std::bit_cast<std::int64_t>(moment) - shifted_zero;
    }
    for (std::size_t i = 0; i < size; ++i) {
      Pair sum, addend;
      Sums& at = sums_[static_cast<std::size_t>(bins[i])];
      __builtin_memcpy(&sum, &at, sizeof sum);
      __builtin_memcpy(&addend, &addends[i], sizeof addend);
      sum += addend;
      __builtin_memcpy(&at, &sum, sizeof sum);
    }
  }
}

}  // namespace laconic
