// Assignments in the metric of a layer's inputs, against brute force.

#include "train/post/compensate.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <numbers>

#include "laconic/coder.h"
#include "laconic/error.h"
#include "laconic/quantizer.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "train/post/even_codebook.h"
#include "train/post/input_moments.h"
#include "train/post/trellis_assign.h"
#include "trellis_paths.h"

namespace laconic {
namespace {

/// A random layer whose inputs are correlated.
struct Layer {
  Layer(std::int64_t rows, std::int64_t cols, std::uint64_t seed)
      : weights(static_cast<std::size_t>(rows * cols)),
        metric(static_cast<std::size_t>(cols * cols)),
        problem{rows, cols, 1, weights, metric} {
    Random random(seed);
    for (auto& weight : weights) weight = static_cast<float>(random.normal());
    std::vector<double> factors(static_cast<std::size_t>(cols * cols));
    for (auto& factor : factors) factor = random.normal() + 0.5;
    const auto at = [&](std::int64_t i, std::int64_t j) {
      return factors[static_cast<std::size_t>(i * cols + j)];
    };
    for (std::int64_t i = 0; i < cols; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < cols; ++k) sum += at(i, k) * at(j, k);
        metric[static_cast<std::size_t>(i * cols + j)] = static_cast<float>(sum);
      }
    }
  }
  Layer(const Layer&) = delete;

  [[nodiscard]] QuantizedTensor tensor(const Codebook& codebook) const {
    return {{problem.rows, problem.cols}, problem.rows * problem.cols, {codebook}, {}};
  }

  std::vector<float> weights, metric;
  LayerProblem problem;
};

double error_of(const Layer& layer, const QuantizedTensor& tensor) {
  return output_error(layer.problem, dequantize(tensor));
}

TEST(Compensate, LiesBetweenTheOptimumAndRounding) {
  const Codebook codebook({-1, 0, 1});
  double optimal = 0, compensated = 0, rounded = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Layer layer(1, 6, seed);
    auto tensor = layer.tensor(codebook);
    double best = INFINITY;
    for (int code = 0; code < 729; ++code) {
      tensor.indices.clear();
      for (int i = 0, rest = code; i < 6; ++i, rest /= 3)
        tensor.indices.push_back(static_cast<Index>(rest % 3));
      best = std::min(best, error_of(layer, tensor));
    }
    tensor.indices.clear();
    for (const float weight : layer.weights) tensor.indices.push_back(codebook.nearest(weight));
    const double plain = error_of(layer, tensor);
    compensate(layer.problem, factorize(layer.problem, 1e-6), {}, tensor);
    const double ours = error_of(layer, tensor);
    EXPECT_GE(ours, best * (1 - 1e-5));
    optimal += best;
    compensated += ours;
    rounded += plain;
  }
  EXPECT_LT(compensated, 1.5 * optimal);
  EXPECT_LT(compensated, 0.6 * rounded);
}

TEST(Compensate, RoundsWhereInputsAreIndependent) {
  Layer layer(4, 5, 3);
  std::fill(layer.metric.begin(), layer.metric.end(), 0.0F);
  for (std::size_t j = 0; j < 5; ++j) layer.metric[j * 5 + j] = static_cast<float>(j + 1);
  const auto codebook = Codebook::evenly_spaced(0.5F, -8, 17);
  auto tensor = layer.tensor(codebook);
  compensate(layer.problem, factorize(layer.problem, 0), {}, tensor);
  for (std::size_t i = 0; i < layer.weights.size(); ++i)
    EXPECT_EQ(tensor.indices[i], codebook.nearest(layer.weights[i]));
}

TEST(Compensate, PaysLessForBitsTheMoreTheyCost) {
  const Layer layer(16, 24, 5);
  const auto factors = factorize(layer.problem, 0.01);
  double last_entropy = INFINITY, last_error = 0;
  for (const double lambda : {0.0, 1.0, 4.0, 16.0}) {
    auto tensor = layer.tensor(Codebook::evenly_spaced(0.25F, -16, 33));
    compensate(layer.problem, factors, {.lambda = lambda}, tensor);
    EXPECT_LT(index_entropy(tensor), last_entropy);
    EXPECT_GT(error_of(layer, tensor), last_error);
    last_entropy = index_entropy(tensor);
    last_error = error_of(layer, tensor);
  }
}

/// A layer's error and coded bits a weight, on even levels or on the trellis.
struct Outcome {
  double error, bits;
};

Outcome outcome_of(const Layer& layer, QuantizedTensor tensor, double lambda, bool on_trellis) {
  const auto factors = factorize(layer.problem, 0.01);
  if (on_trellis) {
    assign_on_trellis(layer.problem, &factors, {.lambda = lambda}, tensor);
  } else {
    compensate(layer.problem, factors, {.lambda = lambda}, tensor);
  }
  const auto& codebook = tensor.codebooks[0];
  const auto coded =
      encode("auto", tensor.indices,
             {tensor.shape, static_cast<std::int64_t>(codebook.size()), codebook.zero_index()});
  EXPECT_EQ(spec_name(coded.coder) == "trellis", on_trellis);
  return {error_of(layer, tensor), 8.0 * static_cast<double>(coded.bytes.size()) /
                                       static_cast<double>(tensor.indices.size())};
}

TEST(Compensate, PathsOfTheTrellisDoLessDamageAtTheSameBits) {
  const Layer layer(64, 96, 7);
  const double pivot = factorize(layer.problem, 0.01).mean_pivot;
  for (const double step : {0.5, 1.0}) {
    const double lambda = 0.7 * pivot * step * step * std::numbers::ln2 / 6;
    const auto plain =
        outcome_of(layer, layer.tensor(evenly_spaced_over(layer.weights, static_cast<float>(step))),
                   lambda, false);
    const auto paths =
        outcome_of(layer, layer.tensor(trellis_levels_over(layer.weights, step)), lambda, true);
    // What the bits that they differ by are worth, at 6 dB each.
    EXPECT_LT(paths.error * std::exp2(2 * (paths.bits - plain.bits)), 0.9 * plain.error) << step;
  }
}

TEST(Compensate, PathsAreOneOutputChannelLongWhateverTheCodebooks) {
  const Layer layer(6, 10, 3);
  QuantizedTensor tensor{{6, 5, 2}, 10, {}, {}};
  for (int row = 0; row < 6; ++row)
    tensor.codebooks.push_back(Codebook::evenly_spaced(0.3F, row - 5, 6));  // None goes further.
  const auto factors = factorize(layer.problem, 0.01);
  for (const bool compensated : {true, false}) {
    set_threads(1);
    assign_on_trellis(layer.problem, compensated ? &factors : nullptr, {.lambda = 0.1}, tensor);
    auto once = tensor;
    set_threads(4);
    tensor.indices.clear();
    assign_on_trellis(layer.problem, compensated ? &factors : nullptr, {.lambda = 0.1}, tensor);
    EXPECT_EQ(tensor, once);
    set_threads(0);
    for (int row = 0; row < 6; ++row) {
      const auto indices =
          std::span(tensor.indices).subspan(static_cast<std::size_t>(10 * row), 10);
      EXPECT_LT(*std::ranges::max_element(indices), 6);
      QuantizedTensor channel{{1, 10}, 10, {tensor.codebooks[static_cast<std::size_t>(row)]}, {}};
      channel.indices.assign(tensor.indices.begin() + 10 * row,
                             tensor.indices.begin() + 10 * row + 10);
      EXPECT_EQ(testing::on_paths(channel), channel) << row;
    }
    tensor.indices.clear();
  }
}

/// Columns in panels are columns whose correlations beyond their panel are none.
TEST(Compensate, PanelsAreABlockDiagonalMetric) {
  constexpr std::int64_t rows = 20, cols = 11, panel = 4;
  Layer layer(rows, cols, 11);
  std::vector<float> panels(3 * panel * panel, 1e9F);  // Beyond the last column: not looked at.
  for (std::int64_t i = 0; i < cols; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      auto& entry = layer.metric[static_cast<std::size_t>(i * cols + j)];
      if (i / panel != j / panel) {
        entry = 0;
      } else {
        panels[static_cast<std::size_t>(i * panel + j % panel)] = entry;
      }
    }
  }
  LayerProblem split = layer.problem;
  split.metric = panels;
  split.panel = panel;
  EXPECT_NEAR(mean_diagonal(split), mean_diagonal(layer.problem), 1e-6);
  auto whole = layer.tensor(Codebook::evenly_spaced(0.5F, -8, 17)), parts = whole;
  compensate(layer.problem, factorize(layer.problem, 1e-9), {.lambda = 0.5}, whole);
  compensate(split, factorize(split, 1e-9), {.lambda = 0.5}, parts);
  EXPECT_EQ(parts.indices, whole.indices);
  const auto weights = dequantize(parts);
  EXPECT_NEAR(output_error(split, weights), output_error(layer.problem, weights), 1e-3);
}

/// Wide layers, in panels and in more samples than are unfolded at once, against plain sums.
TEST(InputMoments, OfWideLayersAreThoseOfEachPanel) {
  constexpr std::int64_t cols = 2400, samples = 4000;  // Three panels of 800; two pieces.
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {-1, cols}}};
  graph.nodes = {{"", "Gemm", {"x", "w"}, {"y"}, {{"transB", std::int64_t{1}}}}};
  graph.constants.emplace("w", Constant::of({1, cols}, std::vector<float>(cols, 1)));
  graph.outputs = {{"y", ElementType::float32, {-1, 1}}};
  const auto layers = linear_layers(graph);
  ASSERT_EQ(layers.size(), 1u);
  at::manual_seed(1);
  const std::vector<at::Tensor> inputs = {at::randn({samples, cols}), at::randn({7, cols}) + 1};
  const std::vector<at::Tensor> floats = {inputs[0] * 2, inputs[1] * 2};
  for (const int count : {1, 3}) {
    set_threads(count);
    const auto moments = input_moments(graph, layers[0], floats, inputs, 8192);
    ASSERT_EQ(moments.panel, 800);
    const auto all = at::cat(inputs, 0).to(at::kDouble);
    EXPECT_TRUE(at::allclose(moments.mean.reshape({-1}), all.mean(0)));
    EXPECT_TRUE(at::allclose(moments.float_mean.reshape({-1}), 2 * all.mean(0)));
    for (std::int64_t panel = 0; panel < 3; ++panel) {
      const auto own = all.narrow(1, panel * 800, 800);
      const auto expected = at::matmul(own.t(), own) / all.size(0);
      const auto got = at::from_blob(const_cast<float*>(moments.metric.data()) + panel * 800 * 800,
                                     {800, 800}, at::kFloat);
      EXPECT_LT((got - expected).abs().max().item<double>(), 1e-4) << panel;
    }
  }
  set_threads(0);
}

TEST(Compensate, IsTheSameForAnyNumberOfThreads) {
  const Layer layer(40, 30, 7);
  const auto factors = factorize(layer.problem, 0.01);
  std::vector<Index> first;
  for (const int count : {1, 2, 8}) {
    set_threads(count);
    auto tensor = layer.tensor(Codebook::evenly_spaced(0.5F, -8, 17));
    compensate(layer.problem, factors, {.lambda = 0.5}, tensor);
    if (first.empty()) first = tensor.indices;
    EXPECT_EQ(tensor.indices, first);
  }
  set_threads(0);
}

TEST(Compensate, StopsWithinALayerWhenAsked) {
  const Layer layer(4, 6, 1);
  auto tensor = layer.tensor(Codebook({-1, 0, 1}));
  const auto factors = factorize(layer.problem, 0.01);
  request_interrupt();
  try {
    compensate(layer.problem, factors, {}, tensor);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::interrupted);
  }
  clear_interrupt();
}

TEST(Compensate, BearsInputsThatAreNeverActive) {
  Layer layer(3, 4, 9);
  std::fill(layer.metric.begin(), layer.metric.end(), 0.0F);
  auto tensor = layer.tensor(Codebook::evenly_spaced(0.5F, -8, 17));
  compensate(layer.problem, factorize(layer.problem, 0.01), {}, tensor);
  // Nothing is to be made up for: each weight is where it would be by itself.
  for (std::size_t i = 0; i < layer.weights.size(); ++i)
    EXPECT_EQ(tensor.indices[i], tensor.codebooks[0].nearest(layer.weights[i])) << i;
}

}  // namespace
}  // namespace laconic
