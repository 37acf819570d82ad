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

/// With a classifier's weights, a detector's dilated last stage computes the classifier's features,
/// and others between them.
TEST(ZooRun, DilatedStagesKeepWhatAClassifierSees) {
  const at::NoGradGuard no_gradients;
  const std::vector<at::Tensor> input{at::rand({1, 3, 128, 96})};
  for (const auto& [depth, last] : {std::pair{18, "layer4.1.relu"}, {50, "layer4.2.relu"}}) {
    Graph classifier = make_network(fmt::format("resnet{}:width=4", depth), {3, 128, 96}, 5, 1);
    Graph detector = make_network(fmt::format("rfcn-resnet{}:width=4,bins=2,sizes=32", depth),
                                  {3, 128, 96}, 2, 2);
    for (const auto& [name, constant] : classifier.constants)
      if (detector.constants.contains(name)) detector.constants.at(name) = constant;
    for (Graph* const graph : {&classifier, &detector})
      graph->outputs = {{last, ElementType::float32, {-1, -1, -1, -1}}};
    const auto strided = Network(classifier).run(input)[0], dense = Network(detector).run(input)[0];
    ASSERT_EQ(dense.size(2), 2 * strided.size(2));
    const auto apart = (dense.slice(2, 0, {}, 2).slice(3, 0, {}, 2) - strided).abs().max();
    EXPECT_LE(apart.item<float>(), 1e-5F * strided.abs().max().item<float>()) << depth;
  }
}

}  // namespace
}  // namespace laconic
