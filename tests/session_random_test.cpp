// Sessions on networks drawn at random, against LibTorch.

#include <ATen/ATen.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>

#include "laconic/network.h"
#include "laconic/session.h"
#include "network_graphs.h"
#include "random_graphs.h"
#include "session_graphs.h"

namespace laconic {
namespace {

std::string text(const Graph& graph) {
  std::string out;
  for (const Node& node : graph.nodes) {
    out += fmt::format("{} = {}({})\n", node.outputs[0], node.op, fmt::join(node.inputs, ", "));
  }
  return out;
}

/// Shares of each output's largest value, of its difference from what is expected.
void expect_near(const TensorView& got, const at::Tensor& expected) {
  ASSERT_EQ(Shape(got.shape.begin(), got.shape.end()), expected.sizes().vec());
  const at::Tensor wanted = expected.contiguous();
  const std::span<const float> values(wanted.data_ptr<float>(),
                                      static_cast<std::size_t>(wanted.numel()));
  double largest = 1e-2, error = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<double>(values[i]);
    largest = std::max(largest, std::abs(value));
    const double difference = std::abs(static_cast<double>(got.floats()[i]) - value);
    error = std::isnan(difference) ? INFINITY : std::max(error, difference);
  }
  ASSERT_LT(error, 2e-4 * largest);
}

class RandomNetworks : public ::testing::TestWithParam<bool> {
 protected:
  /// Draws networks, and answers each with a session that `make` opens.
  template <typename Make>
  void run(Make make) {
    const at::NoGradGuard none;
    for (std::uint64_t seed = 1; seed <= 150 && !HasFatalFailure(); ++seed) {
      const testing::RandomGraph drawn(seed, GetParam());
      if (drawn.graph().outputs.empty()) continue;
      SCOPED_TRACE(fmt::format("seed {}\n{}", seed, text(drawn.graph())));
      auto [graph, session] = make(drawn.graph());
      const at::Tensor x = random_tensor(drawn.input_shape(), seed);
      const auto expected = Network(graph).run(std::vector{x});
      const std::span<const float> values(x.data_ptr<float>(), static_cast<std::size_t>(x.numel()));
      const TensorView view(drawn.input_shape(), values);
      const auto answers = session.run({&view, 1});
      for (std::size_t i = 0; i < expected.size(); ++i) expect_near(answers[i], expected[i]);
    }
  }
};

TEST_P(RandomNetworks, AreAnsweredAsLibTorchDoes) {
  run([](const Graph& graph) {
    return std::pair(graph, Session(graph, {.kernels = LayerKernels::dense}));
  });
}

TEST_P(RandomNetworks, AreAnsweredSampleBySample) {
  run([](const Graph& graph) {
    return std::pair(graph, Session(graph, {.kernels = LayerKernels::dense, .samples_at_once = 1}));
  });
}

TEST_P(RandomNetworks, AreAnsweredFromPackedWeights) {
  run([](const Graph& graph) {
    const auto network = session_graphs::quantized(graph, "kmeans:levels=16");
    return std::pair(to_graph(network), Session(network, {.kernels = LayerKernels::packed}));
  });
}

INSTANTIATE_TEST_SUITE_P(Open, RandomNetworks, ::testing::Bool());

}  // namespace
}  // namespace laconic
