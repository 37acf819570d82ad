// Real models through the graph's functions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "laconic/onnx.h"
#include "laconic/zoo.h"

namespace laconic {
namespace {

using testing::SizeIs;

const Shape cifar{3, 32, 32};

std::vector<std::string> operators_of(const Graph& graph) {
  std::vector<std::string> ops;
  for (const auto& node : graph.nodes) ops.push_back(node.op);
  return ops;
}

TEST(OnnxShared, ReadsEveryModel) {
  const std::filesystem::path folder = LACONIC_SHARED "/models";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path());
    const Graph graph = read_onnx(entry.path());
    EXPECT_THAT(graph.inputs, SizeIs(1));
    EXPECT_THAT(graph.outputs, SizeIs(1));
    EXPECT_GE(parameters(graph).size(), 8u);
  }
}

TEST(ZooShared, ResnetsHaveTheLayersOfTheReleasedOnes) {
  const std::filesystem::path folder = LACONIC_SHARED "/models/cifar-resnets";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  for (const std::string network : {"resnet20", "resnet32"}) {
    const Graph ours = make_network(network, cifar, 10, 1);
    const Graph released = read_onnx(folder / (network + "_bn.onnx"));
    EXPECT_EQ(operators_of(ours), operators_of(released));
    for (const auto& parameter : parameters(ours)) {
      ASSERT_TRUE(released.constants.contains(parameter.name)) << parameter.name;
      EXPECT_EQ(ours.constants.at(parameter.name).shape(),
                released.constants.at(parameter.name).shape());
    }
  }
}

}  // namespace
}  // namespace laconic
