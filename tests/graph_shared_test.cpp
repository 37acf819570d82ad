// Real models through the graph's functions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <zstd.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "laconic/coder.h"
#include "laconic/onnx.h"
#include "laconic/quantizer.h"
#include "laconic/zoo.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::SizeIs;

const Shape cifar{3, 32, 32};

const std::filesystem::path models = LACONIC_SHARED "/models";

std::vector<std::filesystem::path> model_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(models)) {
    if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  }
  return files;
}

std::vector<std::string> operators_of(const Graph& graph) {
  std::vector<std::string> ops;
  for (const auto& node : graph.nodes) ops.push_back(node.op);
  return ops;
}

TEST(OnnxShared, EveryModelIsReadAndWrittenAlike) {
  if (!std::filesystem::exists(models)) GTEST_SKIP() << models << " is absent";
  const TemporaryFolder folder;
  for (const auto& file : model_files()) {
    SCOPED_TRACE(file);
    const Graph graph = read_onnx(file);
    EXPECT_THAT(graph.inputs, SizeIs(1));
    EXPECT_THAT(graph.outputs, SizeIs(1));
    EXPECT_GE(parameters(graph).size(), 8u);
    write_onnx(graph, folder.path("again.onnx"));
    EXPECT_EQ(read_onnx(folder.path("again.onnx")), graph);
    const auto bytes = read_file(folder.path("again.onnx"));
    onnx::ModelProto model;
    ASSERT_TRUE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    EXPECT_NO_THROW(onnx::checker::check_model(model));
  }
}

// Contexts tell more of trained weights than tables of frequencies ever could.
TEST(CoderShared, AdaptiveCodesOfResNetsAreBelowTheirEntropy) {
  const auto coder = make_coder("adaptive_binary");
  for (const auto* file : {"resnet20_bn.onnx", "resnet32_bn.onnx"}) {
    const auto path = models / "cifar-resnets" / file;
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
    const Graph graph = read_onnx(path);
    double coded = 0, entropy = 0;
    for (const auto& info : parameters(graph)) {
      const auto& constant = graph.constants.find(info.name)->second;
      if (info.role != Role::weight || constant.count() < 1000) continue;
      const WeightsView view{constant.shape(), constant.floats()};
      const auto tensor = quantize(*make_quantizer("uniform:bits=2.5"), std::span(&view, 1))[0];
      const auto& levels = tensor.codebooks[0];
      const auto bytes = coder->encode(tensor.indices, {.shape = tensor.shape,
                                                        .alphabet = std::ssize(levels.levels()),
                                                        .zero = levels.zero_index()});
      const double bits = index_entropy(tensor) * static_cast<double>(constant.count());
      EXPECT_LT(8 * static_cast<double>(bytes.size()), bits) << file << ", " << info.name;
      coded += 8 * static_cast<double>(bytes.size());
      entropy += bits;
    }
    std::cout << file << ": " << coded / entropy << " of the entropy\n";
    EXPECT_LT(coded, entropy) << file;
  }
}

TEST(PackShared, StructuresAreSmall) {
  if (!std::filesystem::exists(models)) GTEST_SKIP() << models << " is absent";
  for (const auto& file : model_files()) {
    Graph graph = read_onnx(file);
    normalize_batch_norm(graph);
    std::vector<std::string> tensors;
    for (const auto& parameter : parameters(graph)) {
      const bool kept = is_uniform(graph.constants.at(parameter.name));
      if (!kept) tensors.push_back(parameter.name);
    }
    std::ranges::sort(tensors);
    const auto packed = pack_graph(graph, tensors);
    EXPECT_EQ(pack_graph(unpack_graph(packed, tensors), tensors), packed);
    std::vector<std::byte> frame(ZSTD_compressBound(packed.size()));
    EXPECT_LT(ZSTD_compress(frame.data(), frame.size(), packed.data(), packed.size(), 19), 400u)
        << file;
  }
}

TEST(ZooShared, ResnetsHaveTheLayersOfTheReleasedOnes) {
  if (!std::filesystem::exists(models)) GTEST_SKIP() << models << " is absent";
  for (const std::string network : {"resnet20", "resnet32"}) {
    const Graph ours = make_network(network, cifar, 10, 1);
    const Graph released = read_onnx(models / "cifar-resnets" / (network + "_bn.onnx"));
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
