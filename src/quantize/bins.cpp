#include "quantize/bins.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "quantize/every_isa.h"

namespace laconic {
namespace {

constexpr std::size_t chunk = 1024;  ///< Weights whose places are found before they are summed.
constexpr int importance_bits = 31;

/// Bins for a share of 1: just less than half, so that none lies beyond the last.
constexpr float bins_per_share = static_cast<float>(Bins::half) * (1 - 0x1p-24f);

/// How many bins from zero a scaled weight lies: rises with its magnitude, as every operation does.
inline float distance(float scaled, float typical) {
  return (1 - typical / (typical + std::abs(scaled))) * bins_per_share;
}

inline std::int32_t bin_at(std::int32_t distance, bool negative) {
  return static_cast<std::int32_t>(Bins::half) + (distance ^ -static_cast<std::int32_t>(negative));
}

/// What a weight adds to the sums of its bin.
struct Addend {
  std::int32_t importance;
  std::int32_t place;
};

}  // namespace

std::size_t Bins::bin_of(float weight) const {
  const float scaled = weight * inverse_scale_;
  return static_cast<std::size_t>(
      bin_at(static_cast<std::int32_t>(distance(scaled, typical_)), scaled < 0));
}

double Bins::mean(std::size_t bin) const {
  const auto& sums = sums_[bin];
  const bool negative = bin < half;
  const auto bins = static_cast<double>(negative ? half - 1 - bin : bin - half) +
                    static_cast<double>(sums.place) / static_cast<double>(sums.importance);
  const double share = bins / static_cast<double>(bins_per_share);
  const double magnitude = typical_ * share / (1 - share) * scale_;
  return negative ? -magnitude : magnitude;
}

std::size_t Bins::distance_of(double magnitude) const {
  const double scaled = magnitude / scale_;
  const double share = scaled / (static_cast<double>(typical_) + scaled);
  return std::min(static_cast<std::size_t>(share * static_cast<double>(bins_per_share)), half - 1);
}

double Bins::lower_magnitude(std::size_t distance) const {
  const double share = static_cast<double>(distance) / static_cast<double>(bins_per_share);
  return share < 1 ? typical_ * share / (1 - share) * scale_
                   : std::numeric_limits<double>::infinity();
}

double Bins::mean_units() const {
  double sum = 0;
  for (const auto& bin : sums_) sum += static_cast<double>(bin.importance);
  return sum / static_cast<double>(ids_.size());
}

bool Bins::reliable(std::size_t bin) const {
  constexpr std::int64_t few = std::int64_t{1} << 16;
  return sums_[bin].importance >= few && bin >= half - far && bin < half + far;
}

Bins::Bins(const CheckedBlock& block) : ids_(block.weights.size()), sums_(count) {
  // Powers of two, so that scaled weights and importances have the same bins and sums. The smallest
  // floats come out as zeros.
  const int exponent =
      std::clamp(block.largest_weight > 0 ? std::ilogb(block.largest_weight) + 1 : 0, -120, 128);
  inverse_scale_ = static_cast<float>(std::ldexp(1.0, -exponent));
  scale_ = std::ldexp(1.0, exponent);
  typical_ = std::max(block.typical_weight * inverse_scale_, 0x1p-40f);
  const int largest = std::ilogb(block.largest_importance);
  unit_ = std::ldexp(1.0, largest + 1 - importance_bits);

  const auto ranges = ranges_of(ids_.size());
  std::vector<std::vector<Sums>> parts(ranges.size());
  for_each_range(ranges, [&](const IndexRange& range, std::size_t i) {
    if (i > 0) parts[i].resize(count);
    add(block, range, largest, i == 0 ? sums_ : parts[i]);
  });
  for (std::size_t i = 1; i < parts.size(); ++i) {
    for (std::size_t bin = 0; bin < count; ++bin) {
      sums_[bin].importance += parts[i][bin].importance;
      sums_[bin].place += parts[i][bin].place;
    }
  }
}

LACONIC_EVERY_ISA void Bins::add(const CheckedBlock& block, const IndexRange& range, int largest,
                                 std::vector<Sums>& sums_of) {
  // In two steps, as one factor may lie outside the floats.
  const auto per_largest = static_cast<float>(std::ldexp(1.0, -largest / 2));
  const auto per_unit =
      static_cast<float>(std::ldexp(1.0, importance_bits - 1 - largest - (-largest / 2)));
  std::array<float, chunk> ones;
  std::array<std::int32_t, chunk> bins;
  std::array<Addend, chunk> addends;
  ones.fill(1);
  const float inverse_scale = inverse_scale_, typical = typical_;
  for (std::size_t begin = range.begin; begin < range.end; begin += chunk) {
    const std::size_t size = std::min(chunk, range.end - begin);
    const float* weights = block.weights.data() + begin;
    const float* importances =
        block.importance.empty() ? ones.data() : block.importance.data() + begin;
    // Separate loops, so that compilers turn all but the last into vector instructions.
    for (std::size_t i = 0; i < size; ++i) {
      const float scaled = weights[i] * inverse_scale, from_zero = distance(scaled, typical);
      const auto whole = static_cast<std::int32_t>(from_zero);
      const float importance = importances[i] * per_largest * per_unit;
      bins[i] = bin_at(whole, scaled < 0);
      addends[i].importance = static_cast<std::int32_t>(importance);
      addends[i].place =
          static_cast<std::int32_t>(importance * (from_zero - static_cast<float>(whole)));
    }
    for (std::size_t i = 0; i < size; ++i) ids_[begin + i] = static_cast<Index>(bins[i]);
    for (std::size_t i = 0; i < size; ++i) {
      Sums& sums = sums_of[static_cast<std::uint32_t>(bins[i])];
      sums.importance += static_cast<std::uint32_t>(addends[i].importance);
      sums.place += static_cast<std::uint32_t>(addends[i].place);
    }
  }
}

}  // namespace laconic
