// What the laws of methods do not know of the projected one: where it converges, what a file that
// it made decodes to, what its options do.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "errors.h"
#include "laconic/methods.h"
#include "laconic/model.h"
#include "laconic/optimizer.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "network_graphs.h"
#include "temporary_folder.h"
#include "toy_data.h"

namespace laconic {
namespace {

using testing::HasSubstr;

constexpr std::string_view members[] = {"projected",
                                        "projected:importance=ones",
                                        "projected:clip=0.2",
                                        "projected:importance=ones,relax=1,growth=2",
                                        "projected:importance=ones,levels=trained",
                                        "projected:importance=ones,gradient=tanh"};

Graph small_resnet() {
  return make_network("resnet20:width=2", {3, 8, 8}, 3, 1);
}

std::unique_ptr<Method> method_for(const Network& network, std::string_view spec,
                                   std::string_view quantizer) {
  return make_method(spec, {plan_weights(network.graph(), quantizer), {}});
}

CompressedNetwork compressed(Network& network, Method& method) {
  CompressedNetwork out{network.graph(), method.finish(network), {}};
  for (const auto& info : network.parameters()) out.graph.constants.erase(info.name);
  return out;
}

TEST(Projected, FileDecodesToTheLastValidationFigure) {
  const ToyData data({3, 8, 8}, 3, 120, 2);
  const TemporaryFolder folder;
  for (const auto* optimizer : {"adam:lr=0.01", "sgd:lr=0.05"}) {
    for (const auto spec : members) {
      Network network(small_resnet());
      const auto method = method_for(network, spec, "scaled:pattern=log,bits=3");
      TrainOptions options;
      options.epochs = 2;
      options.batch = 40;
      options.optimizer = optimizer;
      options.method = method.get();
      const auto report = train(network, data, options);
      const auto path = folder.path("x.lac");
      (void)save(compressed(network, *method), path);
      const Network decoded(to_graph(load(path)));
      const auto score = evaluate(decoded, data, Part::validation);
      EXPECT_EQ(score.accuracy, report.epochs.back().validation->accuracy) << spec;
      EXPECT_EQ(score.loss, report.epochs.back().validation->loss) << spec;
      EXPECT_LT(score.accuracy, 1) << "a figure that says nothing";
    }
  }
}

TEST(Projected, TrainsOnQuantizedWeightsAndKeepsShadows) {
  const ToyData data({3, 8, 8}, 3, 40);
  Network network(small_resnet());
  const auto method = method_for(network, "projected:clip=0.3", "scaled:pattern=ternary");
  method->begin(network);
  const auto shadow = network.parameter("conv1.weight").detach().clone();
  method->before_forward(network, {});
  const auto forward = network.parameter("conv1.weight").detach().clone();
  EXPECT_EQ(std::get<0>(at::_unique(forward)).numel(), 3);
  method->after_backward(network, {});
  EXPECT_TRUE(network.parameter("conv1.weight").equal(shadow));
  method->before_evaluation(network);
  EXPECT_TRUE(network.parameter("conv1.weight").equal(forward));
  method->after_evaluation(network);
  TrainOptions options;
  options.epochs = 1;
  options.batch = 20;
  options.method = method.get();
  (void)train(network, data, options);
  EXPECT_LE(network.parameter("conv1.weight").abs().max().item<float>(), 0.3f);
  EXPECT_GT(std::get<0>(at::_unique(network.parameter("conv1.weight").detach())).numel(), 3);
}

TEST(Projected, RelaxesTowardsQuantizedWeights) {
  Network network(small_resnet());
  const auto method = method_for(network, "projected:relax=1,growth=3,hard=0.5", "scaled");
  method->begin(network);
  const auto shadow = network.parameter("conv1.weight").detach().clone();
  const auto forward = [&](const Progress& at) {
    method->before_forward(network, at);
    auto seen = network.parameter("conv1.weight").detach().clone();
    method->after_backward(network, at);
    return seen;
  };
  const auto quantized = forward({.epoch = 5, .step = 50, .total_steps = 100});
  EXPECT_EQ(std::get<0>(at::_unique(quantized)).numel(), 3);
  EXPECT_TRUE(
      at::allclose(forward({.epoch = 0, .step = 0, .total_steps = 100}), (shadow + quantized) / 2));
  EXPECT_TRUE(at::allclose(forward({.epoch = 2, .step = 20, .total_steps = 100}),
                           (shadow + 9 * quantized) / 10));
}

/// A linear classifier of two inputs with weights that quantization can hold exactly.
Graph linear_classifier() {
  Graph graph;
  graph.opset = 13;
  graph.inputs = {{"x", ElementType::float32, {-1, 4}}};
  graph.outputs = {{"y", ElementType::float32, {-1, 2}}};
  graph.nodes = {node("Gemm", {"x", "w"}, {"y"}, {{"transB", std::int64_t{1}}})};
  graph.constants = {{"w", floats({2, 4}, {0.1f, -0.2f, 0.05f, 0.1f, 0.2f, 0.1f, -0.1f, 0.03f})}};
  return graph;
}

/// Samples whose class a ternary vector tells: of (1, -1, 0, 1) . x, the sign.
class SignData : public Dataset {
 public:
  const Shape& sample_shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return 2; }
  std::int64_t size(Part) const noexcept override { return 200; }
  const Augmentation& augmentation() const noexcept override { return none_; }
  std::string spec() const override { return "signs"; }
  void read(Part part, std::span<const std::int64_t> indices, std::span<float> x,
            std::span<std::int64_t> labels, const Augmentation&, std::uint64_t) const override {
    for (std::size_t i = 0; i < indices.size(); ++i) {
      Random random(static_cast<std::uint64_t>(indices[i]), name(part));
      for (std::size_t j = 0; j < 4; ++j) x[4 * i + j] = static_cast<float>(random.normal());
      labels[i] = x[4 * i] - x[4 * i + 1] + x[4 * i + 3] > 0;
    }
  }

 private:
  Shape shape_{4};
  Augmentation none_;
};

TEST(Projected, FindsTheOptimumOfAConvexProblem) {
  for (const auto* spec : {"projected", "projected:importance=ones"}) {
    Network network(linear_classifier());
    const auto method = method_for(network, spec, "scaled:pattern=ternary");
    TrainOptions options;
    options.epochs = 40;
    options.batch = 20;
    options.optimizer = "adam:lr=0.02";
    options.method = method.get();
    (void)train(network, SignData(), options);
    const auto levels = dequantize(method->finish(network).find("w")->second.tensor);
    const float scale = levels[4];
    EXPECT_GT(scale, 0) << spec;
    EXPECT_EQ(levels, (std::vector<float>{-scale, scale, 0, -scale, scale, -scale, 0, scale}))
        << spec;
  }
}

TEST(Projected, TrainsLevelsAndGoesOnToTheSameBytes) {
  const auto run = [](const std::filesystem::path& folder, std::int64_t interrupt, bool resume) {
    ToyData data({3, 8, 8}, 3, 60);
    if (interrupt > 0) data.interrupt_after(interrupt);
    Network network(small_resnet());
    const auto method =
        method_for(network, "projected:importance=ones,levels=trained",
                   "scaled:pattern=ternary,signs=two,threshold=mu,factor=0.05,scale=real");
    TrainOptions options;
    options.epochs = 2;
    options.batch = 20;
    options.optimizer = "adam:lr=0.01";
    options.method = method.get();
    options.checkpoint = folder;
    options.existing = resume ? Existing::resume : Existing::refuse;
    (void)train(network, data, options);
    return method->finish(network);
  };
  const TemporaryFolder folder;
  const auto whole = run({}, 0, false);
  (void)error_of([&] { (void)run(folder.path("run"), 60, false); }, ErrorCode::interrupted);
  clear_interrupt();
  const auto resumed = run(folder.path("run"), 0, true);
  for (const auto& [name, parameter] : whole) {
    EXPECT_EQ(resumed.find(name)->second.tensor, parameter.tensor) << name;
  }
  const auto& tensor = std::get<QuantizedTensor>(whole.find("conv1.weight")->second.tensor);
  const auto levels = tensor.codebooks[0].levels();
  ASSERT_EQ(levels.size(), 3u);
  EXPECT_NE(levels[0], -levels[2]);
}

// Blocks whose weights come to have another sign, or leave levels unused, keep their pattern.
TEST(Projected, TrainedScalesLeaveSignsToTheShadows) {
  for (const auto* quantizer : {"scaled:pattern=binary", "scaled:pattern=ternary,signs=two"}) {
    Network network(linear_classifier());
    const auto method =
        make_method("projected:importance=ones,levels=trained",
                    {.plan = parse_plan(fmt::format("w {} granularity=group:1", quantizer))});
    auto& weights = network.parameter("w");
    const auto fill = [&](float factor) {
      const at::NoGradGuard no_gradients;
      for (std::int64_t i = 0; i < weights.numel(); ++i)
        weights.data_ptr<float>()[i] = factor * (i % 3 == 0 ? -1.0F : 1.0F);
    };
    fill(0.5F);
    method->begin(network);
    fill(-0.25F);
    method->after_update(network, {.epoch = 0, .step = 0, .total_steps = 2});
    const auto values = dequantize(method->finish(network).find("w")->second.tensor);
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(std::signbit(values[i]), i % 3 != 0) << quantizer << ", " << i;
  }
}

TEST(Projected, TrainsOneScaleUnlessSignsHaveTheirOwn) {
  const ToyData data({3, 8, 8}, 3, 60);
  for (const std::string_view pattern : {"ternary", "log,bits=3"}) {
    Network network(small_resnet());
    const auto method = method_for(network, "projected:importance=ones,levels=trained",
                                   fmt::format("scaled:pattern={}", pattern));
    const auto levels_of = [&] {
      const auto model = method->finish(network);
      const auto& tensor = std::get<QuantizedTensor>(model.find("conv1.weight")->second.tensor);
      const auto levels = tensor.codebooks[0].levels();
      return std::vector<float>(levels.begin(), levels.end());
    };
    method->begin(network);
    const auto fitted = levels_of();
    TrainOptions options;
    options.epochs = 2;
    options.batch = 20;
    options.optimizer = "adam:lr=0.01";
    options.method = method.get();
    (void)train(network, data, options);
    const auto trained = levels_of();
    ASSERT_EQ(trained.size(), fitted.size()) << pattern;
    EXPECT_NE(trained, fitted) << pattern;
    for (std::size_t k = 0; k < trained.size(); ++k) {
      EXPECT_EQ(trained[k], -trained[trained.size() - 1 - k]) << pattern;
      EXPECT_NEAR(trained[k] / trained.back(), fitted[k] / fitted.back(), 1e-6) << pattern;
    }
  }
}

TEST(Projected, TrainsNoLevelsThatHaveToStay) {
  for (const std::string_view row : {"scaled:pattern=powers,bits=4,scale=power_of_two", "kmeans",
                                     "trellis", "scaled:scale=one", "scaled granularity=joint"}) {
    Network network(linear_classifier());
    const auto method =
        make_method("projected:levels=trained", {.plan = parse_plan(fmt::format("w {}", row))});
    EXPECT_THAT(error_of([&] { method->begin(network); }, ErrorCode::invalid_argument),
                HasSubstr("levels=trained needs"))
        << row;
  }
}

/// Gives the parameter this gradient, as a backward pass would.
void set_gradient(Network& network, std::string_view name, const std::vector<float>& values) {
  auto& parameter = network.parameter(name);
  parameter.mutable_grad() = at::tensor(values).view(parameter.sizes());
}

std::vector<float> flat(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.detach().contiguous();
  const auto* first = whole.data_ptr<float>();
  return {first, first + whole.numel()};
}

const std::vector<float> some_gradient = {0.3f, -1, 2, 0.7f, -0.2f, 1.5f, 0.9f, -0.4f};

TEST(Projected, TanhGradientEqualsFiniteDifferences) {
  // Steep near zero, flat at the largest weight.
  const std::vector<float> weights = {0.1f, -0.2f, 1.5f, -0.9f, 0.6f, 0, -2, 0.03f};
  Graph graph = linear_classifier();
  graph.constants.at("w") = floats({2, 4}, weights);
  Network network(graph);
  const auto method =
      method_for(network, "projected:importance=ones,gradient=tanh", "dorefa:bits=3");
  method->begin(network);
  method->before_forward(network, {});
  set_gradient(network, "w", some_gradient);
  method->after_backward(network, {});
  const auto found = flat(network.parameter("w").grad());
  // Straight through the rounding, the largest weight's tanh being held.
  const double largest = std::tanh(2.0), step = 1e-5;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto bent = [&](double w) { return std::tanh(w) / largest; };
    const double slope = (bent(weights[i] + step) - bent(weights[i] - step)) / (2 * step);
    EXPECT_NEAR(found[i], some_gradient[i] * slope, 1e-6) << i;
  }
}

TEST(Projected, TrainedScalesFollowTheSumsOfTheirWeightsGradients) {
  Network network(linear_classifier());
  const auto method = method_for(network, "projected:importance=ones,levels=trained",
                                 "scaled:signs=two,threshold=mu,factor=0.3,scale=real");
  const auto optimizer = make_optimizer("sgd:lr=0.01");
  method->begin(network);
  // Adam's first and second moment of the sum, and the level, for each sign.
  struct Level {
    double value, mean = 0, square = 0;
  };
  std::map<bool, Level> expected;
  std::vector<float> gradient = some_gradient;
  constexpr std::int64_t steps = 4;
  for (std::int64_t step = 0; step < steps; ++step) {
    const Progress at{.step = step, .total_steps = steps, .optimizer = optimizer.get()};
    method->before_forward(network, at);
    const auto forward = flat(network.parameter("w"));
    EXPECT_EQ(std::ranges::count(forward, 0.0f), 2);
    std::map<bool, double> sums;
    for (std::size_t i = 0; i < forward.size(); ++i) {
      if (forward[i] == 0) continue;
      const bool positive = forward[i] > 0;
      sums[positive] += double{gradient[i]};
      const auto& level = expected.try_emplace(positive, Level{forward[i]}).first->second;
      EXPECT_NEAR(forward[i], level.value, 1e-6) << "step " << step << ", weight " << i;
    }
    ASSERT_EQ(sums.size(), 2u);
    set_gradient(network, "w", gradient);
    method->after_backward(network, at);
    // Shadows get W_p, 1 and W_n times the gradient.
    const auto found = flat(network.parameter("w").grad());
    for (std::size_t i = 0; i < forward.size(); ++i) {
      EXPECT_FLOAT_EQ(found[i], gradient[i] * (forward[i] == 0 ? 1 : std::abs(forward[i]))) << i;
    }
    method->after_update(network, at);
    const double rate = 0.01 * static_cast<double>(steps - step) / steps;
    for (auto& [positive, level] : expected) {
      level.mean = 0.9 * level.mean + 0.1 * sums[positive];
      level.square = 0.999 * level.square + 0.001 * sums[positive] * sums[positive];
      const double count = static_cast<double>(step + 1);
      level.value -= rate * level.mean / (1 - std::pow(0.9, count)) /
                     (std::sqrt(level.square / (1 - std::pow(0.999, count))) + 1e-8);
    }
    for (float& value : gradient) value = 1.5f * value - 0.4f;
  }
  EXPECT_NE(expected[true].value, -expected[false].value);
}

TEST(Projected, SaysWhichStepDiverged) {
  const ToyData data({3, 8, 8}, 3, 40);
  Network network(small_resnet());
  const auto method = method_for(network, "projected", "scaled");
  TrainOptions options;
  options.batch = 20;
  options.optimizer = "sgd:lr=1e38";
  options.method = method.get();
  EXPECT_THAT(error_of([&] { (void)train(network, data, options); }, ErrorCode::diverged),
              HasSubstr("diverged at step"));
}

TEST(Projected, RefusesAStateThatDoesNotFit) {
  const ToyData data({3, 8, 8}, 3, 40);
  Network network(small_resnet());
  const auto method =
      method_for(network, "projected:importance=moment,levels=trained", "scaled:pattern=ternary");
  TrainOptions options;
  options.epochs = 1;
  options.batch = 20;
  options.method = method.get();
  (void)train(network, data, options);
  const auto state = method->state();
  std::set<std::string> kinds;
  for (const auto& [key, tensor] : state) {
    kinds.insert(key.substr(0, key.find('/')));
    const auto refused = [&](auto change) {
      auto changed = state;
      change(changed.find(key)->second.values);
      return error_of([&] { method->restore(changed); }, ErrorCode::corrupt_data);
    };
    EXPECT_THAT(refused([](auto& values) { values.pop_back(); }), HasSubstr("checkpoint")) << key;
    for (std::size_t i = 0; i < std::min<std::size_t>(tensor.values.size(), 4); ++i)
      EXPECT_THAT(refused([&](auto& values) { values[i] = NAN; }), HasSubstr("checkpoint")) << key;
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"indices", "levels", "moment", "scales", "sizes"}));
  method->restore(state);
}

TEST(Projected, CheckpointOfAnotherPlanIsRefused) {
  const ToyData data({3, 8, 8}, 3, 40);
  const TemporaryFolder folder;
  const auto run = [&](std::string_view quantizer, Existing existing) {
    Network network(small_resnet());
    const auto method = method_for(network, "projected", quantizer);
    TrainOptions options;
    options.epochs = 1;
    options.batch = 20;
    options.method = method.get();
    options.checkpoint = folder.path("run");
    options.existing = existing;
    (void)train(network, data, options);
  };
  run("scaled:pattern=ternary", Existing::refuse);
  EXPECT_THAT(error_of([&] { run("scaled:pattern=binary", Existing::resume); },
                       ErrorCode::invalid_argument),
              HasSubstr("its plan is"));
}

}  // namespace
}  // namespace laconic
