// What the tests of allocators share: layers to give bits to, and the optimum by other ways.

#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "laconic/allocator.h"
#include "laconic/random.h"

namespace laconic {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

using Tensors = std::vector<TensorChoices>;

/// Layers of `sizes` weights at 1 to `widths` bits, with damage that about quarters per bit.
inline Tensors layers(std::span<const std::int64_t> sizes, int widths, std::uint64_t seed) {
  Random random(seed);
  Tensors out;
  for (const auto size : sizes) {
    auto& layer = out.emplace_back();
    layer.tensor = fmt::format("layer{}", out.size() - 1);
    const double scale = std::exp(3 * random.normal());
    for (int b = 1; b <= widths; ++b) {
      const double damage = scale * std::exp2(-2 * b) * (0.5 + random.uniform());
      layer.choices.push_back({static_cast<double>(size * b), damage, fmt::format("{} bits", b)});
    }
  }
  return out;
}

inline Tensors layers(int count, int widths, std::uint64_t seed, std::int64_t largest = 1000) {
  Random random(seed, "sizes");
  std::vector<std::int64_t> sizes;
  for (int i = 0; i < count; ++i) sizes.push_back(1 + random.below(largest));
  return layers(sizes, widths, seed);
}

/// Choices without any order: small whole numbers, so that ties and dominated choices are common
/// and sums are exact. Some bits are zero.
inline Tensors small_numbers(std::uint64_t seed) {
  Random random(seed);
  Tensors out(static_cast<std::size_t>(1 + random.below(5)));
  for (std::size_t t = 0; t < out.size(); ++t) {
    out[t].tensor = fmt::format("t{}", t);
    const auto count = 1 + random.below(5);
    for (std::int64_t c = 0; c < count; ++c) {
      out[t].choices.push_back({static_cast<double>(random.below(12)),
                                static_cast<double>(random.below(9)), fmt::format("{}", c)});
    }
  }
  return out;
}

inline double total_bits(const Tensors& tensors, const std::vector<std::size_t>& picks) {
  double sum = 0;
  for (std::size_t t = 0; t < tensors.size(); ++t) sum += tensors[t].choices[picks[t]].bits;
  return sum;
}

inline double total_damage(const Tensors& tensors, const std::vector<std::size_t>& picks) {
  double sum = 0;
  for (std::size_t t = 0; t < tensors.size(); ++t) sum += tensors[t].choices[picks[t]].damage;
  return sum;
}

struct Total {
  double damage = infinity;
  double bits = infinity;
  auto operator<=>(const Total&) const = default;
};

/// The least damage within the budget, then the fewest bits, over all combinations.
inline Total by_enumeration(const Tensors& tensors, double budget) {
  Total best;
  std::vector<std::size_t> picks(tensors.size());
  for (;;) {
    const Total total{total_damage(tensors, picks), total_bits(tensors, picks)};
    if (total.bits <= budget) best = std::min(best, total);
    std::size_t t = 0;
    while (t < picks.size() && ++picks[t] == tensors[t].choices.size()) picks[t++] = 0;
    if (t == picks.size()) return best;
  }
}

/// The same for whole bits, by dynamic programming over every budget.
inline double by_table(const Tensors& tensors, std::size_t budget) {
  std::vector<double> least(budget + 1, 0);
  for (const auto& tensor : tensors) {
    std::vector<double> next(budget + 1, infinity);
    for (const auto& choice : tensor.choices) {
      for (auto b = static_cast<std::size_t>(choice.bits); b <= budget; ++b) {
        next[b] =
            std::min(next[b], least[b - static_cast<std::size_t>(choice.bits)] + choice.damage);
      }
    }
    least.swap(next);
  }
  return least[budget];
}

/// The smallest and the largest size.
inline std::pair<double, double> ends(const Tensors& tensors) {
  double least = 0, most = 0;
  for (const auto& tensor : tensors) {
    const auto [low, high] =
        std::minmax_element(tensor.choices.begin(), tensor.choices.end(),
                            [](const auto& a, const auto& b) { return a.bits < b.bits; });
    least += low->bits;
    most += high->bits;
  }
  return {least, most};
}

inline Allocation allocate(std::string_view spec, const Tensors& tensors, double budget) {
  return make_allocator(spec)->allocate(tensors, budget);
}

}  // namespace laconic
