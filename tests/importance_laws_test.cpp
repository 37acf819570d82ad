// What holds for every member of the estimator family, in every mode that its table lists.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "importance_testing.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

using testing::difference;
using testing::GraphBuilder;
using testing::MemoryDataset;

/// Each member with its defaults, and with each word of each of its options.
std::vector<std::string> all_specs() {
  std::vector<std::string> specs;
  for (const MemberInfo& member : estimators()) {
    const std::string name(member.name);
    specs.push_back(name);
    for (const OptionInfo& option : member.options) {
      std::string_view words = option.range;
      while (words.find('|') != std::string_view::npos || words.size() < option.range.size()) {
        const auto word = words.substr(0, words.find('|'));
        if (word != option.default_value) {
          specs.push_back(name + ':' + std::string(option.key) + '=' + std::string(word));
        }
        if (word.size() == words.size()) break;
        words.remove_prefix(word.size() + 1);
      }
    }
  }
  return specs;
}

std::string with(const std::string& spec, const std::string& option) {
  return spec + (spec.find(':') == std::string::npos ? ':' : ',') + option;
}

bool is(const std::string& spec, std::string_view member) {
  return spec_name(spec) == member;
}

class EstimatorLaws : public ::testing::TestWithParam<std::string> {
 protected:
  ~EstimatorLaws() override { set_threads(0); }

  /// `ones` looks at no data and takes no options about them.
  std::string with_data(const std::string& option) const {
    return is(GetParam(), "ones") ? GetParam() : with(GetParam(), option);
  }

  Importance estimate(const std::string& spec) const {
    return make_estimator(spec)->estimate(network_, data_);
  }

  ErrorCode error_of(const Network& network, const Dataset& data) const {
    try {
      (void)make_estimator(GetParam())->estimate(network, data);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::out_of_reach;
  }

  Network network_ = testing::residual_network(4);
  MemoryDataset data_ = MemoryDataset::random({3, 8, 8}, 4, 30);
};

TEST_P(EstimatorLaws, GiveEveryWeightANonNegativeNumber) {
  const auto importance = estimate(GetParam());
  const bool all = GetParam().find("all=true") != std::string::npos;
  std::size_t expected = 0;
  for (const auto& info : network_.parameters()) {
    if (!all && info.role != Role::weight) continue;
    ++expected;
    ASSERT_TRUE(importance.values.contains(info.name)) << info.name;
    const auto& values = importance.values.at(info.name);
    if (is(GetParam(), "ones")) {
      EXPECT_TRUE(values.empty());
      continue;
    }
    EXPECT_EQ(static_cast<std::int64_t>(values.size()), network_.parameter(info.name).numel());
    for (const float value : values) ASSERT_TRUE(value > 0 && std::isfinite(value)) << info.name;
  }
  EXPECT_EQ(importance.values.size(), expected);
}

TEST_P(EstimatorLaws, PrintASpecThatMakesTheSame) {
  const auto estimator = make_estimator(GetParam());
  EXPECT_EQ(make_estimator(estimator->spec())->spec(), estimator->spec());
  EXPECT_EQ(estimate(estimator->spec()).values, estimate(GetParam()).values);
}

TEST_P(EstimatorLaws, DoNotDependOnThreads) {
  const std::string spec = with_data("batch=4");
  set_threads(1);
  const auto alone = estimate(spec);
  set_threads(8);
  const auto together = estimate(spec);
  EXPECT_EQ(alone.values, together.values);
  EXPECT_EQ(alone.interval, together.interval);
}

TEST_P(EstimatorLaws, DoNotDependOnBatches) {
  if (is(GetParam(), "hessian") || is(GetParam(), "adam")) return;  // batches are part of these
  const auto whole = estimate(with_data("batch=30"));
  for (const std::string batch : {"batch=1", "batch=7", "batch=1000"}) {
    const auto split = estimate(with_data(batch));
    for (const auto& [name, values] : whole.values) {
      EXPECT_LT(difference(split.values.at(name), values), 2e-5) << batch << ' ' << name;
    }
    for (const auto& [name, interval] : whole.interval) {
      EXPECT_NEAR(split.interval.at(name), interval, 1e-3 * interval) << batch << ' ' << name;
    }
  }
}

TEST_P(EstimatorLaws, LeaveTheNetworkAlone) {
  const auto before = network_.to_graph();
  (void)estimate(GetParam());
  EXPECT_EQ(network_.to_graph(), before);
  for (const auto& info : network_.parameters()) {
    EXPECT_FALSE(network_.parameter(info.name).grad().defined()) << info.name;
  }
}

TEST_P(EstimatorLaws, KeepTheFloor) {
  if (is(GetParam(), "ones")) return;
  double sum = 0, count = 0;
  for (const auto& [name, values] : estimate(with(GetParam(), "floor=0")).values) {
    for (const float value : values) sum += value;
    count += static_cast<double>(values.size());
  }
  float least = std::numeric_limits<float>::max();
  for (const auto& [name, values] : estimate(with(GetParam(), "floor=1/4")).values) {
    least = std::min(least, *std::min_element(values.begin(), values.end()));
  }
  EXPECT_FLOAT_EQ(least, static_cast<float>(sum / count / 4));
}

TEST_P(EstimatorLaws, TellHowFarTheyAre) {
  if (is(GetParam(), "ones")) return;
  std::vector<ProgressEvent> events;
  const auto estimator = make_estimator(with(GetParam(), "batch=5"));
  (void)estimator->estimate(network_, data_,
                            [&](const ProgressEvent& event) { events.push_back(event); });
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().done, 30);
  for (const auto& event : events) EXPECT_EQ(event.total, 30);
}

TEST_P(EstimatorLaws, StopWhenAsked) {
  if (is(GetParam(), "ones")) return;
  request_interrupt();
  EXPECT_EQ(error_of(network_, data_), ErrorCode::interrupted);
  clear_interrupt();
}

TEST_P(EstimatorLaws, RefuseWhatIsNotFinite) {
  if (is(GetParam(), "ones")) return;
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto network = testing::residual_network(4);
    network.parameter("head").detach()[0][0] = bad;
    EXPECT_EQ(error_of(network, data_), ErrorCode::invalid_data) << bad;
  }
}

TEST_P(EstimatorLaws, RefuseDataThatDoNotFit) {
  if (is(GetParam(), "ones")) return;
  EXPECT_EQ(error_of(network_, MemoryDataset::random({3, 8}, 4, 30)), ErrorCode::invalid_data);
  EXPECT_EQ(error_of(network_, MemoryDataset::random({3, 8, 8}, 5, 30)), ErrorCode::invalid_data);
  EXPECT_EQ(error_of(network_, MemoryDataset::random({3, 8, 8}, 4, 0)), ErrorCode::invalid_data);
}

INSTANTIATE_TEST_SUITE_P(Table, EstimatorLaws, ::testing::ValuesIn(all_specs()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

TEST(Estimators, SampleAndSeedAsTheirOptionsSay) {
  const auto network = testing::dense_network({6, 5, 3}, "Tanh");
  const auto data = MemoryDataset::random({6}, 3, 40);
  const auto estimate = [&](const std::string& spec) {
    return make_estimator(spec)->estimate(network, data).values;
  };
  EXPECT_EQ(estimate("fisher:samples=0,labels=data"), estimate("fisher:samples=40,labels=data"));
  EXPECT_NE(estimate("fisher:samples=20"), estimate("fisher:samples=40"));
  EXPECT_NE(estimate("fisher:samples=20,seed=1"), estimate("fisher:samples=20,seed=2"));
  EXPECT_NE(estimate("hessian:probes=1"), estimate("hessian:probes=2"));
}

TEST(Estimators, AnswerWrongSpecsWithWhatIsValid) {
  const auto message = [](std::string_view spec) -> std::string {
    try {
      (void)make_estimator(spec);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("fischer"), ::testing::HasSubstr("nearest first: fisher"));
  EXPECT_THAT(message("hessian:probe=3"), ::testing::HasSubstr("nearest first: probes"));
  EXPECT_THAT(message("fisher:labels=none"), ::testing::HasSubstr("must be model|data"));
}

TEST(Estimators, GiveNothingForANetworkWithoutWeights) {
  GraphBuilder builder({3});
  builder.add("Relu");
  const Network network(builder.finish(3));
  for (const auto& member : estimators()) {
    const auto importance =
        make_estimator(member.name)->estimate(network, MemoryDataset::random({3}, 3, 5));
    EXPECT_TRUE(importance.values.empty()) << member.name;
  }
}

}  // namespace
}  // namespace laconic
