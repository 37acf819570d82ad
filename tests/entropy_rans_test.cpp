// What the laws do not know of rANS: sizes, tables, and vector loops against the scalar ones.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "entropy/frequencies.h"
#include "entropy/histogram.h"
#include "entropy/rans_core.h"
#include "entropy_samples.h"
#include "laconic/error.h"

namespace laconic {
namespace {

std::size_t rans_bytes(std::span<const Index> indices, std::int64_t alphabet) {
  return make_coder("rans")
      ->encode(indices, {{static_cast<std::int64_t>(indices.size())}, alphabet, -1})
      .size();
}

/// Each level of the tails that occurs less often than once in 2^12 costs 2^-12 / ln 2 bits.
TEST(Rans, ComesCloseToTheEntropy) {
  const std::size_t count = 1'000'000;
  for (const double per_deviation : {0.1, 1.1, 3.0, 20.0}) {
    const auto indices = testing::gaussian_indices(count, 256, per_deviation);
    const double rate = 8.0 * static_cast<double>(rans_bytes(indices, 256)) / count;
    EXPECT_GE(rate, testing::entropy(indices) - 0.0005);  // A state starts with 16 bits of its own.
    const double tails =
        per_deviation * 2 * 1.5 / 4096 / std::log(2);  // From 3.4 deviations to 4.9.
    EXPECT_LT(rate, testing::entropy(indices) + 0.0015 + tails) << per_deviation;
  }
}

TEST(Rans, MayCostFarLessThanABit) {
  std::vector<Index> indices(100'000, 3);
  for (std::size_t i = 0; i < indices.size(); i += 1000) indices[i] = 1;
  EXPECT_LT(rans_bytes(indices, 8), 160u);  // 143 bytes at the entropy.
}

TEST(Rans, CodesTinyTensorsInFewBytes) {
  EXPECT_EQ(rans_bytes({}, 16), 0u);
  EXPECT_LE(rans_bytes(std::vector<Index>(1'000'000, 8), 16), 4u);
  EXPECT_LE(rans_bytes(std::vector<Index>{7, 8, 9, 8, 8, 8, 7, 8}, 16), 7u);
  for (const std::size_t count : {16u, 64u, 256u, 1024u}) {
    const auto indices = testing::gaussian_indices(count, 16, 1.1);
    const double ideal = testing::entropy(indices) * static_cast<double>(count) / 8;
    EXPECT_LT(static_cast<double>(rans_bytes(indices, 16)), ideal + 14) << count;
  }
}

/// Every symbol's frequency moved by one in every pair never makes the cost smaller.
TEST(Frequencies, NoSwapOfASlotSavesMuch) {
  const auto indices = testing::gaussian_indices(10'000, 40, 3);
  const auto counts = histogram(indices, 40);
  const auto cost = [&](const std::vector<std::uint32_t>& of) {
    double bits = 0;
    for (std::size_t s = 0; s < counts.size(); ++s) {
      if (counts[s] != 0) bits += static_cast<double>(counts[s]) * (8 - std::log2(of[s]));
    }
    return bits;
  };
  const auto frequencies = scale_counts(counts, 8);
  const double found = cost(frequencies.of);
  EXPECT_NEAR(static_cast<double>(cost_in_bits(counts, frequencies)), found, 2);
  for (std::size_t from = 0; from < counts.size(); ++from) {
    for (std::size_t to = 0; to < counts.size(); ++to) {
      auto other = frequencies.of;
      if (other[from] < 2 || other[to] == 0) continue;
      --other[from];
      ++other[to];
      EXPECT_GT(cost(other), found * (1 - 1e-4));
    }
  }
}

TEST(Frequencies, AreReadAsWritten) {
  Random random(4);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(1 + random.below(300)));
    for (auto& count : counts)
      count = random.below(3) == 0 ? 0 : static_cast<std::uint64_t>(random.below(5000));
    counts[0] += 1;
    const auto written = best_frequencies(counts, 1, 14);
    if (written.precision > 0) {
      EXPECT_EQ(std::accumulate(written.of.begin(), written.of.end(), 0u), 1u << written.precision);
    }
    BitWriter writer;
    put_frequencies(writer, written);
    const auto bytes = writer.finish();
    BitReader reader(bytes);
    const auto read = take_frequencies(reader, static_cast<std::int64_t>(counts.size()));
    EXPECT_EQ(read.precision, written.precision);
    EXPECT_EQ(read.of, written.of);
    EXPECT_TRUE(reader.at_end());
  }
}

/// A table that does not add up, and one whose precision is too large.
TEST(Frequencies, BadTablesAreRefused) {
  BitWriter sum;
  put_frequencies(sum, {4, {3, 9, 3}});  // The 9 is implied; its width says 8 to 15.
  auto bytes = sum.finish();
  BitReader good(bytes);
  EXPECT_EQ(take_frequencies(good, 3).of[1], 10u);
  BitWriter small;
  put_frequencies(small, {6, {3, 9, 3}});
  bytes = small.finish();
  BitReader reader(bytes);
  EXPECT_THROW((void)take_frequencies(reader, 3), Error);
  BitWriter large;
  large.put(17, 5);
  bytes = large.finish();
  BitReader precision(bytes);
  EXPECT_THROW((void)take_frequencies(precision, 3), Error);
}

std::vector<std::byte> bytes_of(std::span<const std::uint16_t> words) {
  std::vector<std::byte> out;
  for (const std::uint16_t word : words) {
    out.push_back(static_cast<std::byte>(word & 0xff));
    out.push_back(static_cast<std::byte>(word >> 8));
  }
  return out;
}

struct LoopCase {
  std::size_t count;
  std::int64_t alphabet;
  double per_deviation;
  int precision;
};

TEST(RansLoops, GiveEqualBytesAndIndices) {
  const RansLoops& scalar = rans_loops().back();
  ASSERT_EQ(scalar.encode, nullptr);
  for (const LoopCase c :
       {LoopCase{63, 16, 1.1, 12}, LoopCase{64, 16, 1.1, 12}, LoopCase{10'007, 256, 60, 12},
        LoopCase{10'007, 16, 0.2, 12}, LoopCase{10'007, 4, 0.13, 12}, LoopCase{10'007, 300, 60, 14},
        LoopCase{10'007, 5000, 900, 16}, LoopCase{10'007, 64, 9, 10}}) {
    const auto indices = testing::gaussian_indices(c.count, c.alphabet, c.per_deviation);
    const auto frequencies = scale_counts(histogram(indices, c.alphabet), c.precision);
    const auto wanted = rans_encode(indices, frequencies, rans_lanes, scalar);
    for (const RansLoops& loops : rans_loops()) {
      SCOPED_TRACE(loops.name);
      const auto stream = rans_encode(indices, frequencies, rans_lanes, loops);
      EXPECT_EQ(stream.states, wanted.states);
      EXPECT_EQ(stream.words, wanted.words);
      std::vector<Index> decoded(c.count);
      const auto words = bytes_of(wanted.words);
      RansDecoder decoder(wanted.states, frequencies, loops);
      EXPECT_EQ(decoder.decode(words, decoded), words.size());
      EXPECT_TRUE(decoder.at_start());
      EXPECT_EQ(decoded, indices);
    }
  }
}

/// States that no encoder leaves must be told apart by no loop.
TEST(RansLoops, AgreeOnHostileStatesAndWords) {
  const auto counts = histogram(testing::gaussian_indices(1000, 16, 2), 16);
  const auto frequencies = scale_counts(counts, 12);
  Random random(6);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::uint32_t> states(rans_lanes);
    for (auto& x : states) x = static_cast<std::uint32_t>(random.bits() >> random.below(64));
    std::vector<std::byte> words(static_cast<std::size_t>(random.below(3000)));
    for (auto& byte : words) byte = static_cast<std::byte>(random.bits());
    std::vector<Index> wanted(5000), decoded(5000);
    const auto fails = [&](const RansLoops& loops, std::vector<Index>& indices) {
      RansDecoder decoder(states, frequencies, loops);
      return decoder.decode(words, indices) != words.size() || !decoder.at_start();
    };
    EXPECT_TRUE(fails(rans_loops().back(), wanted));
    for (const RansLoops& loops : rans_loops()) {
      std::fill(decoded.begin(), decoded.end(), Index{0});
      EXPECT_TRUE(fails(loops, decoded));
      EXPECT_EQ(decoded, wanted) << loops.name;
    }
  }
}

/// The vector encoder divides by estimated reciprocals: hold it to division at every frequency.
TEST(RansLoops, DivideExactly) {
  Random random(7);
  const RansLoops& scalar = rans_loops().back();
  for (std::uint32_t frequency = 1; frequency < 4096; frequency += frequency < 300 ? 1 : 37) {
    const Frequencies frequencies{12, {frequency, 4096 - frequency}};
    std::vector<Index> indices(1024);
    for (Index& index : indices) index = static_cast<Index>(random.below(2));
    const auto wanted = rans_encode(indices, frequencies, rans_lanes, scalar);
    for (const RansLoops& loops : rans_loops()) {
      const auto stream = rans_encode(indices, frequencies, rans_lanes, loops);
      ASSERT_EQ(stream.states, wanted.states) << loops.name << ", " << frequency;
      ASSERT_EQ(stream.words, wanted.words) << loops.name << ", " << frequency;
    }
  }
}

}  // namespace
}  // namespace laconic
