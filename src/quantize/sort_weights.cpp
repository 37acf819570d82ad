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

/// Sorts equal weights by importance.
void sort_run(std::vector<WeightKey>& keys, std::size_t first, std::size_t last) {
  const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = keys.begin() + static_cast<std::ptrdiff_t>(last);
  if (last - first <= small) {
    std::sort(begin, end);
    return;
  }
  std::vector<WeightKey> run(begin, end);
  radix_sort(run, 0, 32);
  std::copy(run.begin(), run.end(), begin);
}

}  // namespace

void radix_sort(std::vector<std::uint64_t>& keys, int first_bit, int bits) {
  const auto passes = static_cast<std::size_t>((bits + digit_bits - 1) / digit_bits);
  const auto digit = [&](std::uint64_t key, std::size_t pass) {
    const int bit = first_bit + static_cast<int>(pass) * digit_bits;
    const int width = std::min(digit_bits, first_bit + bits - bit);
    return (key >> bit) & ((std::uint64_t{1} << width) - 1);
  };
  std::vector<std::array<std::uint32_t, digits>> next(passes);
  for (const auto key : keys) {
    for (std::size_t pass = 0; pass < passes; ++pass) ++next[pass][digit(key, pass)];
  }
  std::vector<std::uint64_t> other(keys.size());
  for (std::size_t pass = 0; pass < passes; ++pass) {
    std::uint32_t sum = 0;
    for (auto& at : next[pass]) {
      const std::uint32_t count = at;
      at = sum;
      sum += count;
    }
    for (const auto key : keys) other[next[pass][digit(key, pass)]++] = key;
    keys.swap(other);
  }
}

std::vector<WeightKey> sorted_keys(std::span<const float> weights,
                                   std::span<const float> importance) {
  constexpr auto one = std::bit_cast<std::uint32_t>(1.0f);
  std::vector<WeightKey> keys;
  keys.reserve(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto lower = importance.empty() ? one : std::bit_cast<std::uint32_t>(importance[i]);
    if ((lower << 1) != 0) keys.push_back(WeightKey{ordered(weights[i])} << 32 | lower);
  }
  if (keys.size() <= small) {
    std::sort(keys.begin(), keys.end());
    return keys;
  }
  radix_sort(keys, 32, 32);
  if (importance.empty()) return keys;
  for (std::size_t first = 0, last = 0; first < keys.size(); first = last) {
    while (last < keys.size() && keys[last] >> 32 == keys[first] >> 32) ++last;
    if (last - first > 1) sort_run(keys, first, last);
  }
  return keys;
}

SortedWeights merge_equal(std::span<const WeightKey> keys) {
  SortedWeights merged;
  merged.weights.reserve(keys.size());
  merged.importance.reserve(keys.size());
  merged.counts.reserve(keys.size());
  for (std::size_t first = 0, last = 0; first < keys.size(); first = last) {
    double importance = 0;
    for (; last < keys.size() && keys[last] >> 32 == keys[first] >> 32; ++last) {
      importance += importance_of(keys[last]);
    }
    merged.weights.push_back(weight_of(keys[first]));
    merged.importance.push_back(importance);
    merged.counts.push_back(static_cast<std::uint32_t>(last - first));
  }
  return merged;
}

SortedWeights sort_weights(std::span<const float> weights, std::span<const float> importance) {
  return merge_equal(sorted_keys(weights, importance));
}

}  // namespace laconic
