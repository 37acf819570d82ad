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

TEST(Zoo, CountsOfThePerceptronAreThePapers) {
  const Graph graph = make_network("perceptron", mnist, 10, 1);
  // 784 - 3 x 2048 - 10: weights and biases, then scales and offsets of four normalisations.
  EXPECT_EQ(parameter_count(graph), 10'033'182);
  EXPECT_THAT(graph.constants.at("fc1.weight").shape(), ElementsAre(2048, 784));
  EXPECT_THAT(graph.constants.at("fc3.weight").shape(), ElementsAre(2048, 2048));
  EXPECT_THAT(graph.constants.at("output.weight").shape(), ElementsAre(10, 2048));
  EXPECT_THAT(graph.outputs[0].shape, ElementsAre(-1, 10));
  // One layer more, and no normalisation of the output.
  EXPECT_EQ(parameter_count(make_network("perceptron:layers=4,norm=false", mnist, 10, 1)),
            10'033'182 + 2048 * 2048 + 3 * 2048 - 2 * 10);
}

TEST(Zoo, CountsOfVggSmallAreThePapers) {
  const Graph graph = make_network("vgg_small", cifar, 10, 1);
  EXPECT_EQ(parameter_count(graph), 14'033'566);
  std::int64_t weights = 0;
  for (const auto& parameter : parameters(graph)) {
    if (parameter.role == Role::weight) weights += graph.constants.at(parameter.name).count();
  }
  // 2x128C3-MP2-2x256C3-MP2-2x512C3-MP2-2x1024FC-10.
  EXPECT_EQ(weights, 14'022'016);
  EXPECT_THAT(graph.constants.at("conv1.weight").shape(), ElementsAre(128, 3, 3, 3));
  EXPECT_THAT(graph.constants.at("conv6.weight").shape(), ElementsAre(512, 512, 3, 3));
  EXPECT_THAT(graph.constants.at("fc1.weight").shape(), ElementsAre(1024, 512 * 4 * 4));
  EXPECT_THAT(graph.outputs[0].shape, ElementsAre(-1, 10));
}

TEST(Zoo, CountsOfTheCharacterLstmAreThePapers) {
  // War and Peace: 87 characters, 100 steps, 512 units; ONNX has two biases for each gate's unit.
  const Graph graph = make_network("char_lstm", {100, 87}, 87, 1);
  EXPECT_EQ(parameter_count(graph), 4 * 512 * (87 + 512) + 8 * 512 + 512 * 87 + 87);
  EXPECT_THAT(graph.constants.at("lstm.weight_ih").shape(), ElementsAre(1, 4 * 512, 87));
  EXPECT_THAT(graph.constants.at("lstm.weight_hh").shape(), ElementsAre(1, 4 * 512, 512));
  EXPECT_THAT(graph.constants.at("output.weight").shape(), ElementsAre(87, 512));
  EXPECT_THAT(graph.outputs[0].shape, ElementsAre(-1, 100, 87));
  // It begins by remembering: of input, output, forget and cell gates, the third's bias is 1.
  const auto bias = graph.constants.at("lstm.bias").floats();
  for (std::size_t i = 0; i < bias.size(); ++i) ASSERT_EQ(bias[i], i / 512 == 2 ? 1.0f : 0.0f) << i;
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
