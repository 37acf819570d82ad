#include "quantize/sort_weights.h"

#include <algorithm>
#include <array>
#include <bit>

namespace laconic {
namespace {

constexpr int digit_bits = 11;
constexpr std::size_t digits = std::size_t{1} << digit_bits;
constexpr std::size_t small = 512;  ///< Up to here a comparison sort is faster.

/// Ascending like the floats they are made of; both zeros are one.
std::uint32_t ordered(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value == 0 ? 0.0f : value);
  return bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
}

float from_ordered(std::uint32_t key) {
  return std::bit_cast<float>(key ^ ((key >> 31) != 0 ? 0x80000000u : 0xffffffffu));
}

float importance_of(std::uint64_t key) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(key));
}

/// The sum of a run's importances must not depend on their order: ascending.
double sum_of_run(std::vector<std::uint64_t>& keys, std::size_t first, std::size_t last) {
  if (last - first > small) {
    std::vector<std::uint64_t> run(keys.begin() + static_cast<std::ptrdiff_t>(first),
                                   keys.begin() + static_cast<std::ptrdiff_t>(last));
    radix_sort(run, 0, 32);
    std::copy(run.begin(), run.end(), keys.begin() + static_cast<std::ptrdiff_t>(first));
  } else if (last - first > 2) {
    std::sort(keys.begin() + static_cast<std::ptrdiff_t>(first),
              keys.begin() + static_cast<std::ptrdiff_t>(last));
  }
  double sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += importance_of(keys[i]);
  return sum;
}

}  // namespace

void radix_sort(std::vector<std::uint64_t>& keys, int first_bit, int bits) {
  std::vector<std::uint64_t> other(keys.size());
  for (int bit = first_bit; bit < first_bit + bits; bit += digit_bits) {
    const int width = std::min(digit_bits, first_bit + bits - bit);
    const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
    std::array<std::size_t, digits> next{};
    for (const auto key : keys) ++next[(key >> bit) & mask];
    std::size_t sum = 0;
    for (auto& at : next) {
      const std::size_t count = at;
      at = sum;
      sum += count;
    }
    for (const auto key : keys) other[next[(key >> bit) & mask]++] = key;
    keys.swap(other);
  }
}

SortedWeights sort_weights(std::span<const float> weights, std::span<const float> importance) {
  constexpr auto one = std::bit_cast<std::uint32_t>(1.0f);
  std::vector<std::uint64_t> keys;
  keys.reserve(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto low = importance.empty() ? one : std::bit_cast<std::uint32_t>(importance[i]);
    if ((low << 1) != 0) keys.push_back(std::uint64_t{ordered(weights[i])} << 32 | low);
  }
  if (keys.size() <= small) {
    std::sort(keys.begin(), keys.end());
  } else {
    radix_sort(keys, 32, 32);
  }
  SortedWeights sorted;
  sorted.weights.reserve(keys.size());
  sorted.importance.reserve(keys.size());
  for (std::size_t first = 0, last = 0; first < keys.size(); first = last) {
    const auto weight = static_cast<std::uint32_t>(keys[first] >> 32);
    while (last < keys.size() && keys[last] >> 32 == weight) ++last;
    sorted.weights.push_back(from_ordered(weight));
    sorted.importance.push_back(sum_of_run(keys, first, last));
  }
  return sorted;
}

}  // namespace laconic
