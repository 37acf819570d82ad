// What the laws do not know of Huffman codes.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "entropy/prefix_code.h"
#include "entropy_samples.h"

namespace laconic {
namespace {

std::uint64_t bits(std::span<const std::uint64_t> counts, std::span<const std::uint8_t> lengths) {
  return std::inner_product(counts.begin(), counts.end(), lengths.begin(), std::uint64_t{0});
}

/// Huffman's own algorithm, without a limit: the sum of all merged pairs is the length of the code.
std::uint64_t huffman_bits(std::vector<std::uint64_t> counts) {
  std::uint64_t sum = 0;
  while (counts.size() > 1) {
    std::sort(counts.rbegin(), counts.rend());
    const auto pair = counts.back() + counts[counts.size() - 2];
    sum += pair;
    counts.pop_back();
    counts.back() = pair;
  }
  return sum;
}

TEST(PrefixCode, IsAsShortAsHuffmans) {
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(2 + random.below(30)));
    for (auto& count : counts) count = static_cast<std::uint64_t>(std::exp(8 * random.uniform()));
    EXPECT_EQ(bits(counts, prefix_lengths(counts)), huffman_bits(counts));
  }
}

TEST(PrefixCode, FillsTheTreeAndKeepsTheLimit) {
  std::vector<std::uint64_t> fibonacci{1, 1};
  while (fibonacci.size() < 60) fibonacci.push_back(fibonacci.back() + fibonacci.end()[-2]);
  std::vector<std::uint64_t> many(65'536);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = 1 + i * i;
  for (const auto& counts : {fibonacci, many, std::vector<std::uint64_t>{0, 3, 0, 0, 9}}) {
    double kraft = 0;
    for (const int length : prefix_lengths(counts)) {
      ASSERT_LE(length, max_code_length);
      if (length > 0) kraft += std::exp2(-length);
    }
    EXPECT_EQ(kraft, 1.0);
  }
}

TEST(Huffman, StaysWithinABitOfTheEntropy) {
  for (const double per_deviation : {0.2, 0.8, 1.1, 3.0, 40.0}) {
    const auto indices = testing::gaussian_indices(200'000, 256, per_deviation);
    const auto bytes = make_coder("huffman")->encode(indices, {{200'000}, 256, 128});
    const double rate = 8.0 * static_cast<double>(bytes.size()) / 200'000;
    EXPECT_GE(rate, testing::entropy(indices));
    EXPECT_LT(rate, testing::entropy(indices) + 1);
  }
}

TEST(Huffman, CodesTinyTensorsInFewBytes) {
  const auto size = [](std::vector<Index> indices) {
    const auto count = static_cast<std::int64_t>(indices.size());
    return make_coder("huffman")->encode(indices, {{count}, 16, 8}).size();
  };
  EXPECT_EQ(size({}), 0);
  EXPECT_LE(size(std::vector<Index>(100'000, 8)), 4);
  EXPECT_LE(size({7, 8, 9, 8, 8, 8, 7, 8}), 6);
}

}  // namespace
}  // namespace laconic
