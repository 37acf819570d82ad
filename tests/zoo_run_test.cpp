// Networks of the zoo run: what layers were told of their inputs' shapes is what they meet.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "laconic/network.h"
#include "laconic/zoo.h"

namespace laconic {
namespace {

TEST(ZooRun, EveryNetworkAnswersWithItsClasses) {
  const at::NoGradGuard no_gradients;
  for (const auto& row : networks()) {
    SCOPED_TRACE(row.name);
    std::string spec(row.name);
    for (const auto& option : row.options) {
      if (option.key == "width") spec += ":width=4";
    }
    const std::int64_t side = row.name == "alexnet" || row.name == "googlenet" ? 64 : 32;
    const Network network(make_network(spec, {3, side, side}, 7, 1));
    const std::vector<at::Tensor> input{at::ones({2, 3, side, side})};
    EXPECT_EQ(network.run(input)[0].sizes(), (std::vector<std::int64_t>{2, 7}));
  }
}

TEST(ZooRun, NetworksForImageNetTakeItsSize) {
  const at::NoGradGuard no_gradients;
  for (const char* const spec :
       {"alexnet:width=8", "googlenet:width=8", "resnet18:width=8", "resnet50:width=4"}) {
    const Network network(make_network(spec, {3, 224, 224}, 5, 1));
    const std::vector<at::Tensor> input{at::ones({1, 3, 224, 224})};
    EXPECT_EQ(network.run(input)[0].sizes(), (std::vector<std::int64_t>{1, 5})) << spec;
  }
}

}  // namespace
}  // namespace laconic
