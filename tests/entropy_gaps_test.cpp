// What the laws do not know of gaps: how close they come to the bound, and which bytes they refuse.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "entropy_samples.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using ::testing::HasSubstr;
using ::testing::Property;
using ::testing::Throws;

/// A Bernoulli mask: 1 with probability `p`, else 0.
std::vector<Index> mask(std::size_t count, double p) {
  Random random(8);
  std::vector<Index> out(count);
  for (Index& index : out) index = random.uniform() < p ? 1 : 0;
  return out;
}

double bits_per_survivor(std::string_view spec, const std::vector<Index>& indices) {
  const IndexLayout layout{{static_cast<std::int64_t>(indices.size())}, 2, 0};
  const auto survivors = std::count(indices.begin(), indices.end(), 1);
  return 8.0 * static_cast<double>(make_coder(spec)->encode(indices, layout).size()) /
         static_cast<double>(survivors);
}

TEST(Gaps, ComeWithinAFewPercentOfTheBoundOfRandomMasks) {
  for (const double p : {0.3, 0.1, 0.05, 0.01, 0.002}) {
    const auto indices = mask(1'000'000, p);
    const double bound = testing::entropy(indices) * 1e6 /
                         static_cast<double>(std::count(indices.begin(), indices.end(), 1));
    EXPECT_LT(bits_per_survivor("gaps", indices), 1.025 * bound) << p;
    EXPECT_LT(bits_per_survivor("gaps:code=huffman", indices), 1.06 * bound) << p;
    EXPECT_GT(bits_per_survivor("gaps", indices), 0.999 * bound) << p;
  }
}

TEST(Gaps, AreReadWithAnyCap) {
  const auto indices = testing::gaussian_indices(20'000, 16, 0.3);
  const IndexLayout layout{{20'000}, 16, 8};
  for (const char* code : {"rans", "huffman"}) {
    for (int bits = 1; bits <= 15; ++bits) {
      const auto spec = "gaps:code=" + std::string(code) + ",bits=" + std::to_string(bits);
      const auto bytes = make_coder(spec)->encode(indices, layout);
      std::vector<Index> decoded(indices.size());
      make_coder("gaps")->decode(bytes, layout, decoded);
      EXPECT_EQ(decoded, indices) << spec;
    }
  }
}

TEST(Gaps, OfNothingButZerosTakeNoBytes) {
  EXPECT_TRUE(make_coder("gaps")->encode(std::vector<Index>(50, 3), {{50}, 7, 3}).empty());
}

void expect_refused(std::vector<int> numbers, const char* why) {
  std::vector<std::byte> bytes;
  for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
  std::vector<Index> decoded(8);
  EXPECT_THAT(
      [&] {
        make_coder("gaps")->decode(bytes, {{8}, 3, 0}, decoded);
      },
      Throws<Error>(Property(&Error::what, HasSubstr(why))));
}

TEST(Gaps, FirstByte) {
  expect_refused({0x10, 1}, "names no form");
  expect_refused({0x42, 1}, "names no form");
}

TEST(Gaps, NumberOfGaps) {
  expect_refused({0x12, 9, 1}, "at most 8");
  expect_refused({0x12, 0, 0}, "leads nowhere");
}

TEST(Gaps, SizeOfTheGaps) {
  expect_refused({0x12, 1, 9, 0}, "size of the gaps");
}

}  // namespace
}  // namespace laconic
