// Published networks reach their published accuracy.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "laconic/evaluate.h"
#include "laconic/onnx.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

const fs::path shared = LACONIC_SHARED;

/// Where data/unpack.sh of the shared folder unpacks to, unless LACONIC_DATA says otherwise.
fs::path unpacked() {
  if (const char* folder = std::getenv("LACONIC_DATA")) return folder;
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : ".") / ".cache" / "laconic-data";
}

struct Published {
  std::string model;
  std::string data;  ///< A spec; the first %s is the folder.
  fs::path folder;
  std::int64_t right;  ///< Of the 10,000 test images.
};

class Models : public testing::TestWithParam<Published> {};

TEST_P(Models, ReachTheirAccuracy) {
  const Published& row = GetParam();
  const auto model = shared / "models" / row.model;
  if (!fs::exists(model) || !fs::exists(row.folder)) GTEST_SKIP() << "no shared models or data";
  auto spec = row.data;
  spec.replace(spec.find("%s"), 2, row.folder.string());
  const Score score = evaluate(Network(read_onnx(model)), *make_dataset(spec), Part::test);
  EXPECT_EQ(score.samples, 10000);
  // Sums in another order may tip an image or two between machines.
  EXPECT_NEAR(score.accuracy * 10000, static_cast<double>(row.right), 2.01);
}

const std::string cifar = "cifar10:%s,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
const fs::path cifar_folder = unpacked() / "cifar-10-batches-bin";

INSTANTIATE_TEST_SUITE_P(
    Shared, Models,
    testing::Values(Published{"lenet/lenet-caffe.onnx", "mnist:%s,scale=1/256",
                              shared / "data" / "mnist", 9907},
                    Published{"cifar-resnets/resnet20_bn.onnx", cifar, cifar_folder, 9173},
                    Published{"cifar-resnets/resnet20.onnx", cifar, cifar_folder, 9173},
                    Published{"cifar-resnets/resnet32_bn.onnx", cifar, cifar_folder, 9263},
                    Published{"mlperf-tiny/resnet8.onnx", "cifar10:%s,scale=1", cifar_folder,
                              8721}));

}  // namespace
}  // namespace laconic
