#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/whitening.h"
#include "data_support.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::Each;
using testing::FloatNear;
using testing::HasSubstr;

constexpr std::size_t features = 3, samples = 3200;

/// Three features, two of which are nearly one.
std::vector<float> correlated() {
  Random random(1, "test");
  std::vector<float> all;
  for (std::size_t i = 0; i < samples; ++i) {
    const double a = random.normal(), b = random.normal(), c = random.normal();
    for (const double value : {5 + 3 * a, 3 * a + 0.1 * b, -2 + c})
      all.push_back(static_cast<float>(value));
  }
  return all;
}

std::vector<float> whitened(std::vector<float> all, double regularization) {
  const Whitening whitening(samples, features, regularization,
                            [&](std::int64_t i, std::span<float> out) {
                              std::copy_n(all.begin() + 3 * i, 3, out.begin());
                            });
  constexpr std::size_t batch = Whitening::batch * features;
  for (std::size_t first = 0; first < all.size(); first += batch)
    whitening.apply(std::span(all).subspan(first, batch));
  return all;
}

double covariance(const std::vector<float>& all, std::size_t a, std::size_t b) {
  double sum = 0, sum_a = 0, sum_b = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const double x = static_cast<double>(all[3 * i + a]), y = static_cast<double>(all[3 * i + b]);
    sum += x * y, sum_a += x, sum_b += y;
  }
  constexpr double n = samples;
  return sum / n - sum_a / n * (sum_b / n);
}

TEST(WhiteningTest, FeaturesBecomeUncorrelatedAndStayClosestToWhatTheyWere) {
  const auto before = correlated(), after = whitened(before, 1e-6);
  for (std::size_t a = 0; a < features; ++a) {
    for (std::size_t b = 0; b < features; ++b)
      EXPECT_NEAR(covariance(after, a, b), a == b ? 1 : 0, 2e-2) << a << " " << b;
  }
  // Zero-phase: what a feature becomes still rises with it.
  double product = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    product += static_cast<double>(before[3 * i + 2] + 2) * static_cast<double>(after[3 * i + 2]);
  }
  EXPECT_GT(product / samples, 0.5);
}

TEST(WhiteningTest, RegularizationShrinksFeaturesThatHardlyVary) {
  const auto after = whitened(correlated(), 1);
  // Eigenvalues are about 18, 1 and 0.005.
  double trace = 0;
  for (std::size_t a = 0; a < features; ++a) trace += covariance(after, a, a);
  EXPECT_NEAR(trace, 18.0 / 19 + 0.5 + 0.005, 0.05);
}

TEST(WhiteningTest, ThreadsDoNotChangeIt) {
  set_threads(3);
  const auto three = whitened(correlated(), 0.1);
  set_threads(1);
  EXPECT_EQ(whitened(correlated(), 0.1), three);
  set_threads(0);
}

TEST(NormalizeContrast, TakesTheMeanOutAndSetsTheNorm) {
  std::vector<float> sample{1, 2, 3, 6};
  normalize_contrast(sample, 10);
  double squares = 0, sum = 0;
  for (const float value : sample) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  EXPECT_NEAR(sum, 0, 1e-5);
  EXPECT_NEAR(std::sqrt(squares), 10, 1e-5);
  std::vector<float> constant(4, 7);
  normalize_contrast(constant, 10);
  EXPECT_THAT(constant, Each(FloatNear(0, 1e-6f)));
}

/// Training images of 1 x 2 pixels: six of (0, 0) and (9, 9), and test images beyond them.
class WhitenedMnist : public testing::Test {
 protected:
  WhitenedMnist() {
    write("train-images-idx3-ubyte",
          {0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 9, 9, 0, 0, 9, 9, 0, 0, 9, 9});
    write("train-labels-idx1-ubyte", {0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 2, 3, 4, 5});
    write("t10k-images-idx3-ubyte", {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 90, 0});
    write("t10k-labels-idx1-ubyte", {0, 0, 8, 1, 0, 0, 0, 1, 3});
  }
  void write(const char* name, const Bytes& bytes) { (void)folder_.write(name, bytes); }
  std::string spec(std::string_view options) {
    return "mnist:" + folder_.path() + ",scale=1,validation=0," + std::string(options);
  }
  TemporaryFolder folder_;
};

TEST_F(WhitenedMnist, IsFittedToTheTrainingPartAlone) {
  const auto data = make_dataset(spec("zca=40.5"));
  // The covariance is 20.25 everywhere: eigenvalues 40.5, along (1, 1), and 0. So the factors are
  // 1/9 along (1, 1) and 1/sqrt(40.5) along (1, -1), whatever the test part looks like.
  const auto train = read(*data, Part::train).x;
  EXPECT_NEAR(train[0], -0.5f, 1e-5f);
  EXPECT_NEAR(train[3], 0.5f, 1e-5f);
  const auto test = read(*data, Part::test).x;
  const double along = (85.5 - 4.5) / 2 / 9, across = 45 / std::sqrt(40.5);
  EXPECT_NEAR(test[0], static_cast<float>(along + across), 1e-4f);
  EXPECT_NEAR(test[1], static_cast<float>(along - across), 1e-4f);
}

TEST_F(WhitenedMnist, ContrastComesFirst) {
  const auto x = read(*make_dataset(spec("gcn=2")), Part::test).x;
  EXPECT_NEAR(x[0], std::sqrt(2.0f), 1e-5f);
  EXPECT_NEAR(x[1], -std::sqrt(2.0f), 1e-5f);
}

TEST_F(WhitenedMnist, SamplesThatAreTooLargeAreRefused) {
  Bytes wide = {0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 16, 1};
  wide.resize(16 + 6 * 4097);
  write("train-images-idx3-ubyte", wide);
  Bytes test = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 16, 1};
  test.resize(16 + 4097);
  write("t10k-images-idx3-ubyte", test);
  EXPECT_THAT(message_of(spec("zca=0.1"), ErrorCode::invalid_argument),
              HasSubstr("at most 4096 numbers, but these have 4097"));
}

}  // namespace
}  // namespace laconic
