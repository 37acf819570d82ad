#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "laconic/error.h"
#include "laconic/quantized_tensor.h"
#include "laconic/random.h"

namespace laconic {
namespace {

using testing::HasSubstr;

template <typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return "no error";
}

TEST(Codebook, RefusesWhatIsNotAscendingAndFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message_of([] { Codebook({}); }), HasSubstr("0 levels"));
  EXPECT_THAT(message_of([] { Codebook(std::vector<float>(65537)); }), HasSubstr("65537 levels"));
  EXPECT_THAT(message_of([&] { Codebook({0, nan}); }), HasSubstr("level 1 of a codebook is nan"));
  EXPECT_THAT(message_of([] { Codebook({0, INFINITY}); }), HasSubstr("must be finite"));
  EXPECT_THAT(message_of([] { Codebook({1, 1}); }), HasSubstr("must ascend strictly"));
  EXPECT_THAT(message_of([] { Codebook({-0.0f, 0.0f}); }), HasSubstr("must ascend strictly"));
  EXPECT_FALSE(std::signbit(Codebook({-0.0f}).levels()[0]));
}

TEST(Codebook, FindsTheNearestLevel) {
  const Codebook codebook({-2, -1, 0, 1, 3});
  const auto nearest = [&](float value) { return codebook.levels()[codebook.nearest(value)]; };
  EXPECT_EQ(nearest(-9), -2);
  EXPECT_EQ(nearest(-1.5f), -1);  // Ties go to the smaller magnitude.
  EXPECT_EQ(nearest(-0.5f), 0);
  EXPECT_EQ(nearest(0.5f), 0);
  EXPECT_EQ(nearest(0.51f), 1);
  EXPECT_EQ(nearest(2), 1);
  EXPECT_EQ(nearest(9), 3);
  EXPECT_EQ(Codebook({-1, 1}).nearest(0), 0);
  EXPECT_EQ(codebook.zero_index(), 2);
  EXPECT_EQ(Codebook({-1, 1}).zero_index(), -1);
  EXPECT_EQ(Codebook({-2, -1}).zero_index(), -1);
}

TEST(Codebook, CountsIndexBits) {
  const auto bits = [](std::int64_t size) {
    return Codebook::evenly_spaced(1, 0, size).index_bits();
  };
  EXPECT_EQ(bits(1), 0);
  EXPECT_EQ(bits(2), 1);
  EXPECT_EQ(bits(8), 3);
  EXPECT_EQ(bits(9), 4);
  EXPECT_EQ(bits(16), 4);
  EXPECT_EQ(bits(17), 5);
  EXPECT_EQ(bits(65536), 16);
}

TEST(EvenSpacing, IsFoundForEveryEvenlySpacedCodebook) {
  Random random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    const auto step = static_cast<float>(
        std::ldexp(1 + random.uniform(), static_cast<int>(random.below(240)) - 145));
    const auto count = 1 + random.below(trial % 2 ? 3 : 40);
    const auto reach = std::int64_t{1} << random.below(17);
    const auto first = std::max<std::int64_t>(random.below(2 * reach) - reach, -65535);
    if (first + count - 1 > 65535 || std::ldexp(step, 16) > std::numeric_limits<float>::max())
      continue;
    const auto codebook = Codebook::evenly_spaced(step, first, count);
    EvenSpacing found;
    ASSERT_TRUE(find_even_spacing(codebook, found)) << step << " " << first << " " << count;
    ASSERT_EQ(Codebook::evenly_spaced(found.step, found.first, count), codebook);
  }
}

TEST(EvenSpacing, IsNotFoundWhereThereIsNone) {
  EvenSpacing spacing;
  EXPECT_FALSE(find_even_spacing(Codebook({-1, 1}), spacing));
  EXPECT_FALSE(find_even_spacing(Codebook({1, 3}), spacing));
  EXPECT_FALSE(find_even_spacing(Codebook({-1, 0, 2}), spacing));
  EXPECT_FALSE(find_even_spacing(Codebook({1, 1 + 0x1p-23f}), spacing));
  EXPECT_FALSE(find_even_spacing(Codebook({-1, 0, 1 + 0x1p-23f}), spacing));
  EXPECT_FALSE(find_even_spacing(Codebook({-3e38f, 3e38f}), spacing));
  EXPECT_TRUE(find_even_spacing(Codebook({2, 4}), spacing));
  EXPECT_EQ(spacing.step, 2);
  EXPECT_EQ(spacing.first, 1);
  EXPECT_TRUE(find_even_spacing(Codebook({-7}), spacing));
  EXPECT_EQ(spacing.step * static_cast<float>(spacing.first), -7);
  EXPECT_TRUE(find_even_spacing(Codebook({0}), spacing));
}

TEST(EvenSpacing, HasBounds) {
  EXPECT_THAT(message_of([] { (void)Codebook::evenly_spaced(0, 0, 1); }), HasSubstr("step"));
  EXPECT_THAT(message_of([] { (void)Codebook::evenly_spaced(NAN, 0, 1); }), HasSubstr("step"));
  EXPECT_THAT(message_of([] { (void)Codebook::evenly_spaced(1, 0, 0); }), HasSubstr("0 multiples"));
  EXPECT_THAT(message_of([] { (void)Codebook::evenly_spaced(1, 65535, 2); }),
              HasSubstr("from 65535"));
  EXPECT_THAT(message_of([] {
                (void)Codebook::evenly_spaced(1, std::numeric_limits<std::int64_t>::min(), 2);
              }),
              HasSubstr("must lie within"));
  EXPECT_THAT(message_of([] { (void)Codebook::evenly_spaced(1e38f, 0, 9); }), HasSubstr("finite"));
}

QuantizedTensor sample() {
  return {{2, 3}, 4, {Codebook({-1, 0, 1}), Codebook({0.5f})}, {0, 1, 2, 2, 0, 0}};
}

TEST(QuantizedTensor, IsValidatedFieldByField) {
  EXPECT_NO_THROW(validate(sample()));
  EXPECT_NO_THROW(validate({{0, 3}, 1, {}, {}}));
  EXPECT_NO_THROW(validate({{}, 1, {Codebook({2})}, {0}}));
  const auto broken = [](auto change) {
    auto tensor = sample();
    change(tensor);
    return message_of([&] { validate(tensor); });
  };
  EXPECT_THAT(broken([](auto& t) { t.shape = {-2, -3}; }), HasSubstr("extent of -2"));
  EXPECT_THAT(broken([](auto& t) {
                t.shape = {1 << 30, 1 << 30, 1 << 30};
              }),
              HasSubstr("6 indices"));
  EXPECT_THAT(broken([](auto& t) { t.indices.pop_back(); }), HasSubstr("5 indices"));
  EXPECT_THAT(broken([](auto& t) { t.block_size = 0; }), HasSubstr("block size of 0"));
  EXPECT_THAT(broken([](auto& t) { t.block_size = 2; }), HasSubstr("need 3"));
  EXPECT_THAT(broken([](auto& t) { t.codebooks.pop_back(); }), HasSubstr("1 codebooks"));
  EXPECT_THAT(broken([](auto& t) { t.indices[3] = 3; }),
              HasSubstr("index 3 of a quantized tensor is 3"));
  EXPECT_THAT(broken([](auto& t) { t.indices[5] = 1; }), HasSubstr("has 1 levels"));
}

TEST(QuantizedTensor, StandsForWeights) {
  EXPECT_EQ(dequantize(sample()), (std::vector<float>{-1, 0, 1, 1, 0.5f, 0.5f}));
  EXPECT_EQ(dequantize(Tensor(sample())), dequantize(sample()));
  EXPECT_EQ(dequantize(Tensor(DenseTensor{{2}, {3, 4}})), (std::vector<float>{3, 4}));
  EXPECT_EQ(shape_of(Tensor(sample())), (Shape{2, 3}));
  EXPECT_EQ(shape_of(Tensor(DenseTensor{{2}, {3, 4}})), (Shape{2}));
}

TEST(Distortion, CountsEveryKindOfError) {
  const std::vector<float> weights = {-1.5f, 0.25f, 1, -1, 0.5f, 0};
  const std::vector<float> importance = {2, 4, 8, 1, 1, 0};
  const auto d = distortion(weights, sample(), importance);
  EXPECT_DOUBLE_EQ(d.mse, (0.25 + 0.0625 + 0 + 4 + 0 + 0.25) / 6);
  EXPECT_DOUBLE_EQ(d.weighted, 2 * 0.25 + 4 * 0.0625 + 4);
  EXPECT_DOUBLE_EQ(d.sqnr_db, 10 * std::log10((2.25 + 0.0625 + 1 + 1 + 0.25) / 4.5625));
  EXPECT_EQ(d.max_abs, 2);
  EXPECT_EQ(d.zeroed, 1);
  EXPECT_EQ(d.flipped, 1);
  EXPECT_DOUBLE_EQ(distortion(weights, sample()).weighted, 4.5625);
  EXPECT_EQ(distortion(dequantize(sample()), sample()).sqnr_db, INFINITY);
  EXPECT_THAT(message_of([&] { (void)distortion({}, sample()); }), HasSubstr("0 weights"));
}

TEST(IndexEntropy, IsTakenBlockByBlock) {
  // First block: counts 1, 1, 2 of 4, 1.5 bits each; second: one level, nothing.
  EXPECT_DOUBLE_EQ(index_entropy(sample()), 1.0);
  EXPECT_EQ(index_entropy({{0}, 1, {}, {}}), 0);
}

TEST(ElementCount, Saturates) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3}), 6);
  EXPECT_EQ(element_count({std::int64_t{1} << 40, 0}), 0);
  EXPECT_EQ(element_count({std::int64_t{1} << 40, std::int64_t{1} << 40}),
            std::numeric_limits<std::int64_t>::max());
}

}  // namespace
}  // namespace laconic
