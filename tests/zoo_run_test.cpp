// Networks of the zoo run: what layers were told of their inputs' shapes is what they meet.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "laconic/network.h"
#include "laconic/zoo.h"
#include "small_networks.h"

namespace laconic {
namespace {

TEST(ZooRun, EveryNetworkAnswersWithItsClasses) {
  const at::NoGradGuard no_gradients;
  for (const auto& row : networks()) {
    SCOPED_TRACE(row.name);
    const Network network(make_network(narrow(row), sample_of(row), 7, 1));
    Shape samples = sample_of(row);
    samples.insert(samples.begin(), 2);
    const std::vector<at::Tensor> input{at::ones(samples)};
    const auto answers = network.run(input);
    ASSERT_EQ(answers.size(), network.graph().outputs.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      Shape shape = network.graph().outputs[i].shape;
      shape[0] = 2;
      EXPECT_EQ(answers[i].sizes(), shape);
    }
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
