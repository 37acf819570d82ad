// The trellis: its machine, the search for paths against brute force, what it gains, and its coder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <set>

#include "entropy_samples.h"
#include "laconic/error.h"
#include "laconic/quantizer.h"
#include "quantize/trellis_search.h"
#include "quantize_samples.h"
#include "trellis_paths.h"

namespace laconic {
namespace {

using ::testing::HasSubstr;
using Values = std::vector<std::int32_t>;

TEST(Trellis, ValuesHaveNumbersInTheirSets) {
  for (int value = -9; value <= 9; ++value) {
    for (const bool odd : {false, true}) {
      const int number = trellis::number(odd, value);
      EXPECT_EQ(trellis::value(odd, number) == value, trellis::has(odd, value));
    }
  }
}

/// A code of rate 1/2: two ways into each state, and no two paths are alike that part and meet
/// again within fewer than log2(8) + 1 values.
TEST(Trellis, PathsThatPartMeetAfterFourValuesAtTheEarliest) {
  std::multiset<trellis::State> reached;
  for (trellis::State state = 0; state < trellis::states; ++state) {
    std::set<trellis::State> left{trellis::next(state, false)}, right{trellis::next(state, true)};
    for (int values = 1; values < 3; ++values) {
      std::set<trellis::State> both;
      std::ranges::set_intersection(left, right, std::inserter(both, both.begin()));
      EXPECT_TRUE(both.empty());
      for (auto* side : {&left, &right}) {
        std::set<trellis::State> next;
        for (const auto s : *side) next.insert({trellis::next(s, false), trellis::next(s, true)});
        *side = next;
      }
    }
    for (const bool odd : {false, true}) reached.insert(trellis::next(state, odd));
  }
  for (trellis::State state = 0; state < trellis::states; ++state)
    EXPECT_EQ(reached.count(state), 2);
}

/// Visits every path of `size` values from -reach to reach.
void for_each_path(std::size_t size, int reach, const std::function<void(const Values&)>& visit) {
  Values values;
  const std::function<void(trellis::State)> extend = [&](trellis::State state) {
    if (values.size() == size) return visit(values);
    for (int value = -reach; value <= reach; ++value) {
      if (!trellis::has(trellis::is_odd(state), value)) continue;
      values.push_back(value);
      extend(trellis::after(state, value));
      values.pop_back();
    }
  };
  extend(0);
}

/// Prices that rise away from zero.
trellis::Prices some_prices(double lambda, std::span<const float> weights) {
  trellis::Prices prices(-4, 4);
  for (const float weight : weights) prices.count_weight(weight / 2);
  prices.set(lambda);
  return prices;
}

double price_of(const trellis::Prices& prices, const Values& values) {
  double sum = 0;
  trellis::State state = 0;
  for (const int value : values) {
    sum += prices.of(trellis::is_odd(state), value);
    state = trellis::after(state, value);
  }
  return sum;
}

TEST(TrellisSearch, FindsTheCheapestPath) {
  // All values that have prices, and some of them: on one side of zero, none of a subset, zero
  // alone.
  const std::array<trellis::Range, 5> ranges{{{-4, 4}, {0, 4}, {-3, 2}, {-1, 0}, {0, 0}}};
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto range = ranges[seed % ranges.size()];
    auto weights = gaussian(5, seed, 1);
    for (float& weight : weights) weight *= 1.7F;
    const auto scales = log_normal(5, seed);
    const auto prices = some_prices(seed % 3 == 0 ? 0 : 0.3, gaussian(200, seed, 1));
    const auto cost = [&](const Values& values) {
      double sum = price_of(prices, values);
      for (std::size_t i = 0; i < 5; ++i)
        sum += scales[i] * std::pow(weights[i] - static_cast<float>(values[i]), 2);
      return sum;
    };
    double least = INFINITY;
    for_each_path(5, 4, [&](const Values& values) {
      const auto [low, high] = std::ranges::minmax(values);
      if (low >= range.lowest && high <= range.highest) least = std::min(least, cost(values));
    });
    Values found(5);
    trellis::Search().find(weights, {.scales = scales}, 1, {}, prices, range, found);
    EXPECT_GE(std::ranges::min(found), range.lowest) << seed;
    EXPECT_LE(std::ranges::max(found), range.highest) << seed;
    EXPECT_NEAR(cost(found), least, 1e-4 * least) << seed;
  }
}

/// Overflowing costs may choose badly, but never a value that has no level.
TEST(TrellisSearch, StaysWithinTheRangeWhereCostsOverflow) {
  const trellis::Prices prices(-1, 1);
  const std::vector<float> identity{1, 0, 0, 1};
  for (const float weight : {3e38F, -3e38F, INFINITY, -INFINITY, NAN, 0.4F}) {
    for (const float step : {1e30F, 1.0F}) {
      for (const trellis::PathMetric& metric : {trellis::PathMetric{}, {identity.data(), 2}}) {
        for (const trellis::Range range : {trellis::Range{0, 1}, {-1, 0}, {0, 0}}) {
          Values found(2);
          const std::vector<float> weights{0.3F, weight};
          trellis::Search().find(weights, metric, step, {}, prices, range, found);
          EXPECT_GE(std::ranges::min(found), range.lowest) << weight << ", " << step;
          EXPECT_LE(std::ranges::max(found), range.highest) << weight << ", " << step;
        }
      }
    }
  }
}

/// With a metric, errors of one weight are made up for by those after it: the sum over columns of
/// pivot x squared error is e H e^T.
TEST(TrellisSearch, CompensatesInTheMetricOfTheInputs) {
  constexpr std::size_t size = 5;
  double optimal = 0, found_cost = 0, alone_cost = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    // H = L L^T; its inverse is U^T U with U the inverse of L.
    const auto entries = gaussian(size * size, seed + 100, 1);
    std::array<std::array<double, size>, size> lower{}, upper{}, metric{};
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j <= i; ++j)
        lower[i][j] = i == j ? 0.6 + std::abs(entries[i * size + j]) : 0.7 * entries[i * size + j];
    }
    // The factor that is wanted is upper triangular: order the columns from the last to the first.
    std::array<std::array<double, size>, size> inverse{};
    for (std::size_t j = 0; j < size; ++j) {
      for (std::size_t i = j; i < size; ++i) {
        double sum = i == j ? 1 : 0;
        for (std::size_t k = j; k < i; ++k) sum -= lower[i][k] * inverse[k][j];
        inverse[i][j] = sum / lower[i][i];
      }
    }
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        upper[i][j] = inverse[size - 1 - i][size - 1 - j];
        for (std::size_t k = 0; k < size; ++k)
          metric[i][j] += lower[size - 1 - i][k] * lower[size - 1 - j][k];
      }
    }
    // inverse^T inverse of the reversed order: (L L^T)^-1 = L^-T L^-1, reversed = U^T U.
    std::vector<float> factor;
    for (const auto& row : upper) {
      for (const double entry : row) factor.push_back(static_cast<float>(entry));
    }
    auto weights = gaussian(size, seed, 1);
    for (float& weight : weights) weight *= 1.5F;
    const auto prices = some_prices(0.1, gaussian(200, seed, 1));
    const auto cost = [&](const Values& values) {
      double sum = price_of(prices, values);
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j)
          sum += (weights[i] - values[i]) * metric[i][j] * (weights[j] - values[j]);
      }
      return sum;
    };
    double least = INFINITY;
    for_each_path(size, 4, [&](const Values& values) { least = std::min(least, cost(values)); });
    Values found(size), alone(size);
    trellis::Search search;
    search.find(weights, {.upper = factor.data(), .width = size}, 1, {}, prices, {-4, 4}, found);
    search.find(weights, {}, 1, {}, prices, {-4, 4}, alone);
    EXPECT_GE(cost(found), least * (1 - 1e-4));
    optimal += least;
    found_cost += cost(found);
    alone_cost += cost(alone);
  }
  EXPECT_LT(found_cost, 1.1 * optimal);
  EXPECT_LT(found_cost, 0.8 * alone_cost);
}

TEST(TrellisSearch, KeepsWhatMustBeZero) {
  const auto weights = gaussian(300, 1, 1);
  std::vector<std::uint8_t> zeros(300);
  for (std::size_t i = 0; i < 300; i += 2) zeros[i] = 1;
  Values values(300);
  trellis::Prices prices(-4, 4);
  trellis::Search().find(weights, {}, 1, zeros, prices, {-4, 4}, values);
  for (std::size_t i = 0; i < 300; i += 2) EXPECT_EQ(values[i], 0);
  EXPECT_TRUE(prices.count_path(values));
}

/// Shannon's bound for a normal source is 1/2 log2(1 / D); levels one by one with the best code
/// stay 0.25 bits above it at such rates, 8 states were measured to come within 0.08 to 0.14.
TEST(TrellisQuantizer, ComesNearerToTheBoundThanEvenLevels) {
  constexpr std::size_t size = 40'000;
  const auto weights = gaussian(size, 3, 1);
  const WeightsView view{{40, 1000}, weights};
  const auto gap = [&](const std::string& spec, const std::string& coder) {
    const auto tensor = quantize(*make_quantizer(spec), std::span(&view, 1))[0];
    const auto zero = static_cast<std::int64_t>(tensor.codebooks[0].zero_index());
    const IndexLayout layout{view.shape, static_cast<std::int64_t>(tensor.codebooks[0].size()),
                             zero};
    const auto coded = encode("auto", tensor.indices, layout);
    EXPECT_EQ(spec_name(coded.coder), coder);
    const double bits = 8.0 * static_cast<double>(coded.bytes.size()) / size;
    return bits - 0.5 * std::log2(1 / distortion(weights, tensor).mse);
  };
  EXPECT_GT(gap("uniform:step=0.8,value=midpoint", "adaptive_binary"), 0.24);
  EXPECT_LT(gap("trellis:step=0.45,lambda=0.7", "trellis"), 0.15);
}

TEST(TrellisQuantizer, PathsBeginWithEachOutputChannel) {
  const auto weights = gaussian(600, 3, 1);
  for (const Shape& shape : {Shape{20, 30}, Shape{20, 5, 3, 2}, Shape{1, 600}, Shape{600}}) {
    const WeightsView view{shape, weights};
    for (const auto granularity : {"tensor", "channel"}) {
      const auto tensor = quantize(*make_quantizer("trellis:step=0.3"), std::span(&view, 1),
                                   parse_granularity(granularity))[0];
      // A vector has one path, but as many blocks as values if each is a channel.
      if (tensor.codebooks.size() == weights.size()) continue;
      EXPECT_TRUE(testing::is_on_paths(tensor)) << granularity << ", extents " << shape.size();
    }
  }
}

TEST(TrellisQuantizer, KeepsZerosOnPathsThatItsCoderCodes) {
  auto weights = gaussian(600, 3, 1);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i % 3 != 0 || i < 90) weights[i] = 0;
  }
  const WeightsView view{{20, 30}, weights};
  for (const auto* spec : {"trellis:step=0.3", "trellis:bits=2", "trellis:bits=2,lambda=0.7"}) {
    const auto tensor = quantize(*make_quantizer(spec), std::span(&view, 1), {}, Zeros::keep)[0];
    auto moved = tensor;
    EXPECT_EQ(testing::on_paths(std::move(moved)), tensor) << spec;
    const auto values = dequantize(tensor);
    std::size_t others = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (weights[i] == 0) {
        ASSERT_EQ(values[i], 0) << spec;
      }
      others += values[i] != 0;
    }
    EXPECT_GT(others, 60u) << spec;  // Of 170 that were not zero.
  }
}

TEST(TrellisCoder, SaysWhatItCannotCode) {
  const auto coder = make_coder("trellis");
  const auto message = [&](std::vector<Index> indices, std::int64_t zero) {
    try {
      (void)coder->encode(indices, {{static_cast<std::int64_t>(indices.size())}, 9, zero});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message({4, 6, 5}, 4), HasSubstr("no error"));
  EXPECT_THAT(message({4, 5, 4}, 4), HasSubstr("index 1 is on no path"));
  EXPECT_THAT(message({4, 6, 4}, -1), HasSubstr("no level is zero"));
}

TEST(TrellisCoder, TakesFewerBytesThanTellingEveryValueApart) {
  auto indices = testing::gaussian_indices(36'864, 41, 3);
  const IndexLayout layout{{64, 64, 3, 3}, 41, 20};
  testing::put_on_paths(indices, layout.shape, 20);
  const auto bytes = [&](const char* coder) {
    return make_coder(coder)->encode(indices, layout).size();
  };
  EXPECT_LT(static_cast<double>(bytes("trellis")),
            0.8 * static_cast<double>(bytes("adaptive_binary")));
}

}  // namespace
}  // namespace laconic
