#include "laconic/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "laconic/detection.h"
#include "laconic/error.h"
#include "small_networks.h"

namespace laconic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Shape mnist{1, 28, 28}, cifar{3, 32, 32};

/// Trainable numbers: what papers count, without the statistics of batch normalisation.
std::int64_t parameter_count(const Graph& graph) {
  std::int64_t count = 0;
  for (const auto& parameter : parameters(graph)) {
    const bool statistic = parameter.role == Role::normalization && parameter.input > 2;
    if (!statistic && parameter.role != Role::other)
      count += graph.constants.at(parameter.name).count();
  }
  return count;
}

TEST(ZooLaws, EveryNetworkIsValidAndNamesItsLayers) {
  for (const auto& row : networks()) {
    SCOPED_TRACE(row.name);
    const auto sample = sample_of(row);
    const Graph graph = make_network(narrow(row), sample, 10, 1);
    EXPECT_NO_THROW(validate(graph));
    ASSERT_EQ(graph.inputs.size(), 1u);
    Shape samples{-1};
    samples.insert(samples.end(), sample.begin(), sample.end());
    EXPECT_EQ(graph.inputs[0].shape, samples);
    if (is_detector(graph)) {
      EXPECT_EQ(detector_form(graph).class_count(), 10);
    } else {
      ASSERT_EQ(graph.outputs.size(), 1u);
      EXPECT_EQ(graph.outputs[0].shape,
                takes_sequences(row) ? (Shape{-1, sample[0], 10}) : (Shape{-1, 10}));
    }
    std::set<std::string> names;
    for (const auto& node : graph.nodes) EXPECT_TRUE(names.insert(node.name).second) << node.name;
  }
}

TEST(ZooLaws, EqualSeedsGiveEqualNetworks) {
  for (const auto& row : networks()) {
    SCOPED_TRACE(row.name);
    const auto sample = sample_of(row);
    const Graph graph = make_network(narrow(row), sample, 10, 7);
    EXPECT_EQ(graph, make_network(narrow(row), sample, 10, 7));
    EXPECT_FALSE(graph == make_network(narrow(row), sample, 10, 8));
  }
}

TEST(Zoo, CountsOfParametersAreThePapers) {
  const std::map<std::string, std::int64_t> published{{"resnet20", 269722},
                                                      {"resnet32", 464154},
                                                      {"resnet44", 658586},
                                                      {"resnet56", 853018},
                                                      {"resnet110", 1727962}};
  for (const auto& [network, count] : published) {
    EXPECT_EQ(parameter_count(make_network(network, cifar, 10, 1)), count) << network;
  }
  EXPECT_EQ(parameter_count(make_network("cifar10_quick", cifar, 10, 1)), 145578);
  EXPECT_EQ(parameter_count(make_network("lenet300", mnist, 10, 1)), 266610);
  EXPECT_EQ(parameter_count(make_network("lenet5", mnist, 10, 1)), 431080);
}

TEST(Zoo, CountsOfNetworksForImageNetAreThePapers) {
  const Shape imagenet{3, 224, 224};
  const auto count = [&](std::string_view spec) {
    return parameter_count(make_network(spec, imagenet, 1000, 1));
  };
  EXPECT_EQ(count("googlenet"), 6998552);
  EXPECT_EQ(count("resnet18"), 11689512);
  EXPECT_EQ(count("resnet34"), 21797672);
  // An eighth of the channels, for time; whole, they have 25,557,032, 138,357,544 and 60,965,224.
  EXPECT_EQ(count("resnet50:width=8"), 631152);
  EXPECT_EQ(count("vgg16:width=8"), 2612368);
  EXPECT_EQ(count("alexnet:width=12"), 1406424);
}

TEST(Zoo, InitialWeightsHaveHesDeviation) {
  const Graph graph = make_network("lenet300", mnist, 10, 3);
  const auto weights = graph.constants.at("fc1.weight").floats();
  double sum = 0, squares = 0;
  for (const double weight : weights) sum += weight, squares += weight * weight;
  const double n = static_cast<double>(weights.size()), variance = 2.0 / 784;
  // Five standard errors of the mean and of the variance of a normal sample.
  EXPECT_NEAR(sum / n, 0, 5 * std::sqrt(variance / n));
  EXPECT_NEAR(squares / n, variance, 5 * variance * std::sqrt(2 / n));
}

TEST(Zoo, WidthScalesAResnet) {
  const Graph graph = make_network("resnet20:width=3", cifar, 10, 1);
  EXPECT_THAT(graph.constants.at("layer3.0.conv1.weight").shape(), ElementsAre(12, 6, 3, 3));
  EXPECT_THAT(graph.constants.at("layer2.0.shortcut.pads").integers(),
              ElementsAre(0, 1, 0, 0, 0, 2, 0, 0));
}

TEST(Zoo, RefusesWhatItDoesNotTake) {
  const auto message = [](std::string_view spec, const Shape& shape, std::int64_t classes) {
    try {
      static_cast<void>(make_network(spec, shape, classes, 1));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message("resnet21", cifar, 10), HasSubstr("resnet20"));
  EXPECT_THAT(message("lenet5", {28, 28}, 10), HasSubstr("[28, 28]"));
  EXPECT_THAT(message("lenet5", {1, 8, 8}, 10), HasSubstr("16x16"));
  EXPECT_THAT(message("resnet20", {3, 2, 32}, 10), HasSubstr("4x4"));
  EXPECT_THAT(message("lenet300", mnist, 0), HasSubstr("classes"));
  EXPECT_THAT(message("lenet300", {-1, 28}, 10), HasSubstr("[-1, 28]"));
  EXPECT_THAT(message("lenet300", Shape(6, 1 << 20), 10), HasSubstr("16777216 elements"));
}

}  // namespace
}  // namespace laconic
