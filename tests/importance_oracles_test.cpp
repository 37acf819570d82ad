// Importance against curvature that is known: from formulas, from finite differences, from the
// increase of the loss itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "importance_testing.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using testing::difference;
using testing::GraphBuilder;
using testing::MemoryDataset;

ImportanceMap estimate(const std::string& spec, const Network& network, const Dataset& data) {
  return make_estimator(spec)->estimate(network, data).values;
}

double sum_of(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum;
}

/// Mean loss over all training samples, in double, with `parameters` in place of the network's.
double mean_loss(const Network& network, const MemoryDataset& data, bool squared,
                 const std::map<std::string, at::Tensor, std::less<>>& parameters = {}) {
  const std::int64_t n = data.size(Part::train);
  Shape shape = data.sample_shape();
  shape.insert(shape.begin(), n);
  const auto x = at::empty(shape);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(n)), labels(indices.size());
  for (std::int64_t i = 0; i < n; ++i) indices[static_cast<std::size_t>(i)] = i;
  data.read(Part::train, indices, {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())},
            labels, {}, 0);
  const at::NoGradGuard no_grad;
  RunOptions options;
  options.overrides = &parameters;
  const auto scores = network.run({&x, 1}, options)[0].to(at::kDouble);
  const auto targets = at::zeros_like(scores);
  for (std::int64_t i = 0; i < n; ++i) targets[i][labels[static_cast<std::size_t>(i)]] = 1;
  const auto total = squared ? (scores - targets).square().sum() / 2
                             : -(at::log_softmax(scores, 1) * targets).sum();
  return total.item<double>() / static_cast<double>(n);
}

// Squared error of a linear layer is quadratic in its weights. With one feature set in each sample,
// its Hessian is diagonal: the mean of that feature's square.
TEST(Oracles, AQuadraticWithAKnownDiagonal) {
  constexpr std::int64_t features = 4, classes = 3;
  std::vector<float> x(40 * features, 0.0F), expected(classes * features, 0.0F);
  const auto values = testing::normals(40, 5);
  for (std::size_t i = 0; i < 40; ++i) {
    x[i * features + i % features] = values[i];
    for (std::size_t c = 0; c < classes; ++c) {
      expected[c * features + i % features] += values[i] * values[i] / 40;
    }
  }
  const MemoryDataset data({features}, classes, x);
  const auto network = testing::dense_network({features, classes}, "");
  for (const std::string spec : {"hessian:batch=9", "gauss_newton:mode=exact,batch=9",
                                 "gauss_newton:mode=recursion", "gauss_newton:mode=sampled"}) {
    const auto h = estimate(spec + ",loss=squared,floor=0", network, data);
    EXPECT_LT(difference(h.at("w1"), expected), 1e-5) << spec;
  }
  // Loss after a change of weights, predicted exactly: half of importance times squared change.
  const auto h = estimate("hessian:loss=squared,floor=0", network, data).at("w1");
  std::map<std::string, at::Tensor, std::less<>> parameters, moved;
  const auto fitted = at::zeros({classes, features});  // the optimum: normal equations, diagonal
  for (std::int64_t i = 0; i < 40; ++i) {
    const std::int64_t f = i % features, c = data.label(i);
    fitted[c][f] +=
        values[static_cast<std::size_t>(i)] / 40 / expected[static_cast<std::size_t>(f)];
  }
  parameters["w1"] = fitted;
  parameters["w1.bias"] = at::zeros({classes});
  moved = parameters;
  const auto change = testing::normals(classes * features, 6);
  moved["w1"] = fitted + at::tensor(change).view({classes, features});
  double predicted = 0;
  for (std::size_t i = 0; i < change.size(); ++i) predicted += 0.5 * h[i] * change[i] * change[i];
  EXPECT_NEAR(mean_loss(network, data, true, moved) - mean_loss(network, data, true, parameters),
              predicted, 1e-5 * predicted);
}

// The loss of a two-layer linear network is quadratic in each single weight, so that a second
// difference of any width is its second derivative.
TEST(Oracles, ATwoLayerLinearNetworkByFiniteDifferences) {
  const auto network = testing::dense_network({4, 3, 2}, "");
  const auto data = MemoryDataset::random({4}, 2, 12);
  const auto exact = estimate("gauss_newton:mode=exact,loss=squared,floor=0", network, data);
  const auto recursion =
      estimate("gauss_newton:mode=recursion,loss=squared,floor=0", network, data);
  const auto hessian = estimate("hessian:probes=3000,loss=squared,floor=0", network, data);
  for (const std::string name : {"w1", "w2"}) {
    std::vector<float> expected;
    const auto& weight = network.parameter(name);
    for (std::int64_t i = 0; i < weight.numel(); ++i) {
      double losses = 0;
      for (const auto& [step, factor] : {std::pair(-1.0, 1.0), {0.0, -2.0}, {1.0, 1.0}}) {
        std::map<std::string, at::Tensor, std::less<>> parameters{{name, weight.detach().clone()}};
        parameters.at(name).view(-1)[i] += step;
        losses += factor * mean_loss(network, data, true, parameters);
      }
      expected.push_back(static_cast<float>(losses));
    }
    EXPECT_LT(difference(exact.at(name), expected), 1e-4) << name;
    EXPECT_LT(difference(recursion.at(name), expected), 1e-4) << name;
    EXPECT_LT(difference(hessian.at(name), expected), 0.1) << name;
  }
}

// One layer has no paths that could meet: nothing is dropped.
TEST(Oracles, TheRecursionIsExactInALinearModel) {
  const auto network = testing::dense_network({5, 4}, "");
  const auto data = MemoryDataset::random({5}, 4, 20);
  for (const std::string loss : {"squared", "cross_entropy"}) {
    EXPECT_LT(
        difference(estimate("gauss_newton:mode=recursion,loss=" + loss, network, data).at("w1"),
                   estimate("gauss_newton:mode=exact,loss=" + loss, network, data).at("w1")),
        1e-5)
        << loss;
  }
}

// Dropped cross terms change values, not orders of magnitude: layers stay comparable.
TEST(Oracles, TheRecursionFollowsTheExactDiagonalInAResidualNetwork) {
  const auto network = testing::residual_network(4);
  const auto data = MemoryDataset::random({3, 8, 8}, 4, 30);
  const auto recursion = estimate("gauss_newton:mode=recursion,all=true", network, data);
  const auto exact = estimate("gauss_newton:mode=exact,all=true", network, data);
  EXPECT_LT(difference(recursion.at("head"), exact.at("head")), 1e-5);
  for (const auto& [name, values] : exact) {
    const double ratio = sum_of(recursion.at(name)) / sum_of(values);
    EXPECT_GT(ratio, 0.02) << name;
    EXPECT_LT(ratio, 50) << name;
  }
}

// In a generalised linear model, labels drawn from the model make the Fisher information, which is
// the Gauss-Newton matrix and the Hessian.
TEST(Oracles, FisherGaussNewtonAndHessianAgreeInAGeneralisedLinearModel) {
  const auto network = testing::dense_network({5, 4}, "");
  const auto data = MemoryDataset::random({5}, 4, 25);
  const auto exact = estimate("gauss_newton:mode=exact,floor=0", network, data).at("w1");
  for (const std::string spec : {"fisher:", "gauss_newton:mode=sampled,", "hessian:probes=8,"}) {
    std::vector<float> mean(exact.size(), 0.0F);
    constexpr int runs = 400;
    for (int seed = 0; seed < runs; ++seed) {
      const auto h =
          estimate(spec + "floor=0,seed=" + std::to_string(seed), network, data).at("w1");
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += h[i] / runs;
    }
    EXPECT_LT(difference(mean, exact), 0.06) << spec;
  }
}

// Each interval is to hold the truth in 95 of 100 draws; fewer than 86 (four standard deviations
// below) would be no accident.
TEST(Oracles, IntervalsHoldTheTruthAsOftenAsTheySay) {
  const auto network = testing::dense_network({6, 4}, "");
  const auto data = MemoryDataset::random({6}, 4, 64);
  struct Case {
    std::string spec, truth;
  };
  const Case cases[] = {
      {"hessian:batch=4,probes=8", "hessian:probes=1000"},
      {"hessian:batch=64,probes=80", "hessian:probes=1000"},
      {"fisher:samples=64", "gauss_newton:mode=exact"},
      {"gauss_newton:mode=sampled", "gauss_newton:mode=exact"},
  };
  for (const auto& [spec, truth] : cases) {
    const double expected = sum_of(estimate(truth + ",floor=0", network, data).at("w1"));
    int held = 0;
    for (int seed = 0; seed < 100; ++seed) {
      const auto draw =
          make_estimator(spec + ",floor=0,seed=" + std::to_string(seed))->estimate(network, data);
      const double sum = sum_of(draw.values.at("w1"));
      EXPECT_LT(draw.interval.at("w1"), 1) << spec;
      held += std::abs(sum - expected) <= draw.interval.at("w1") * sum;
    }
    EXPECT_GE(held, 86) << spec;
  }
}

TEST(Oracles, AdamKeepsTheAverageOfSquaredBatchGradients) {
  const auto network = testing::dense_network({5, 3}, "");
  const auto data = MemoryDataset::random({5}, 3, 12);
  // A single batch: the squared gradient of the mean loss, whose bias is corrected away.
  std::vector<float> expected;
  const auto& weight = network.parameter("w1");
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    double slope = 0;
    for (const double step : {-1e-2, 1e-2}) {
      std::map<std::string, at::Tensor, std::less<>> parameters{{"w1", weight.detach().clone()}};
      parameters.at("w1").view(-1)[i] += step;
      slope += mean_loss(network, data, false, parameters) / (2 * step);
    }
    expected.push_back(static_cast<float>(slope * slope));
  }
  const auto moments = estimate("adam:power=1,floor=0,batch=12", network, data).at("w1");
  EXPECT_LT(difference(moments, expected), 1e-2);
  for (auto& value : expected) value = std::sqrt(value);
  EXPECT_LT(difference(estimate("adam:floor=0,batch=12", network, data).at("w1"), expected), 1e-2);
  // Batches of one sample and no decay to speak of: their plain mean.
  EXPECT_LT(
      difference(estimate("adam:power=1,batch=1,beta2=0.999999,floor=0", network, data).at("w1"),
                 estimate("fisher:labels=data,floor=0", network, data).at("w1")),
      1e-4);
}

TEST(Oracles, TrainingMomentsBecomeImportance) {
  const ImportanceMap moments = {{"a", {4, 9, 0}}, {"b", {1}}};
  const auto h = importance_from_moments(moments, 0.5, 0.1);
  EXPECT_EQ(h.at("a"), (std::vector<float>{2, 3, 0.15F}));
  EXPECT_EQ(h.at("b"), (std::vector<float>{1}));
  EXPECT_EQ(importance_from_moments({{"a", {0, 0}}}).at("a"), (std::vector<float>{1, 1}));
  EXPECT_THROW((void)importance_from_moments({{"a", {-1}}}), Error);
}

// What importance is for: on a trained network it predicts which changes of weights hurt.
TEST(Oracles, PredictsTheIncreaseOfTheLoss) {
  auto network = testing::dense_network({6, 8, 4}, "Relu");
  std::vector<float> x = testing::normals(80 * 6, 9, 0.7);
  for (std::size_t i = 0; i < 80; ++i) x[i * 6 + i % 4] += 1.5F;
  const MemoryDataset data({6}, 4, x);
  std::vector<at::Tensor> leaves;
  for (const auto& info : network.parameters()) leaves.push_back(network.parameter(info.name));
  const auto inputs = at::tensor(x).view({80, 6});
  const auto labels = at::arange(80, at::kLong) % 4;
  for (int step = 0; step < 400; ++step) {
    const auto loss = at::nll_loss(at::log_softmax(network.run({&inputs, 1})[0], 1), labels);
    const auto gradients = torch::autograd::grad({loss}, leaves);
    const at::NoGradGuard no_grad;
    for (std::size_t p = 0; p < leaves.size(); ++p) leaves[p].sub_(0.5 * gradients[p]);
  }
  const double trained = mean_loss(network, data, false);
  for (const std::string spec :
       {"hessian:probes=50", "gauss_newton:mode=exact", "gauss_newton:mode=sampled",
        "gauss_newton:mode=recursion", "fisher:labels=model"}) {
    const auto h = estimate(spec + ",floor=0", network, data);
    std::vector<double> predicted, measured;
    for (std::uint64_t trial = 0; trial < 100; ++trial) {
      std::map<std::string, at::Tensor, std::less<>> parameters;
      double prediction = 0;
      Random random(trial);
      for (const auto& [name, importance] : h) {
        auto moved = network.parameter(name).detach().clone();
        for (int j = 0; j < 3; ++j) {  // a few weights of each layer, by amounts of all sizes
          const auto i = random.below(moved.numel());
          const double change = 0.3 * random.normal();
          moved.view(-1)[i] += change;
          prediction +=
              0.5 * static_cast<double>(importance[static_cast<std::size_t>(i)]) * change * change;
        }
        parameters[name] = moved;
      }
      predicted.push_back(prediction);
      measured.push_back(mean_loss(network, data, false, parameters) - trained);
    }
    const auto both = at::stack({at::tensor(predicted), at::tensor(measured)});
    EXPECT_GT(at::corrcoef(both)[0][1].item<double>(), 0.6) << spec;
  }
}

TEST(Recursion, RefusesWhatItHasNoRuleFor) {
  const auto data = MemoryDataset::random({6}, 3, 9);
  const auto message = [&](Graph graph) -> std::string {
    try {
      (void)estimate("gauss_newton:mode=recursion", Network(std::move(graph)), data);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported_operator);
      return error.what();
    }
    return "no error";
  };
  GraphBuilder softmax({6});
  softmax.dense("a", 6, 4);
  softmax.add("Softmax");
  softmax.dense("b", 4, 3);
  EXPECT_THAT(message(softmax.finish(3)), ::testing::HasSubstr("no rule for Softmax node 'v1'"));

  GraphBuilder two_uses({6});
  const auto weight = two_uses.constant("a", {6, 6});
  two_uses.add("Gemm", {weight});
  two_uses.add("PRelu", {weight});
  two_uses.add("Flatten");
  two_uses.dense("b", 36, 3);
  EXPECT_THAT(message(two_uses.finish(3)),
              ::testing::HasSubstr("no rule for the weight 'a' in PRelu node 'v1'"));
}

// Where each weight reaches the scores on one path, nothing is dropped, whatever the layers.
TEST(Recursion, IsExactWherePathsDoNotMeet) {
  GraphBuilder builder({3, 4});
  builder.add("ConvTranspose", {builder.constant("k", {3, 1, 1}), builder.constant("k.bias", {3})},
              {{"group", std::int64_t{3}}});
  builder.add("Sigmoid");
  builder.add("Mul", {builder.constant("factor", {3, 1})});
  builder.add("Sub", {builder.constant("shift", {3, 4})});
  builder.add("Conv", {builder.constant("c", {3, 1, 1})}, {{"group", std::int64_t{3}}});
  builder.add("BatchNormalization",
              {builder.constant("scale", {3}), builder.constant("offset", {3}),
               builder.constant("mean", {3}), builder.constant("variance", {3}, 0.1, 1.0)});
  builder.add("Clip");
  builder.add("MaxPool", {}, {{"kernel_shape", std::vector<std::int64_t>{4}}});
  builder.add("Flatten");
  const Network network(builder.finish(3));
  const auto data = MemoryDataset::random({3, 4}, 3, 20);
  const auto recursion = estimate("gauss_newton:mode=recursion,all=true,floor=0", network, data);
  const auto exact = estimate("gauss_newton:mode=exact,all=true,floor=0", network, data);
  for (const auto& [name, values] : exact) {
    EXPECT_LT(difference(recursion.at(name), values), 1e-5) << name;
  }
}

TEST(Temper, TakesAPowerAndKeepsTheCommonMean) {
  const ImportanceMap h = {{"a", {1, 4, 9}}, {"b", {16, 0}}, {"ones", {}}};
  EXPECT_EQ(temper(h, 1), h);
  const auto root = temper(h, 0.5);  // roots sum to 10, importances to 30
  EXPECT_EQ(root.at("a"), (std::vector<float>{3, 6, 9}));
  EXPECT_EQ(root.at("b"), (std::vector<float>{12, 0}));
  EXPECT_TRUE(root.at("ones").empty());
  EXPECT_EQ(temper(h, 0).at("b"), (std::vector<float>{6, 6}));
  EXPECT_EQ(temper({{"a", {0, 0}}}, 0.5).at("a"), (std::vector<float>{0, 0}));
  EXPECT_THROW((void)temper(h, -0.5), Error);
  EXPECT_THROW((void)temper(h, std::nan("")), Error);
  EXPECT_THROW((void)temper({{"a", {-1}}}, 0.5), Error);
}

}  // namespace
}  // namespace laconic
