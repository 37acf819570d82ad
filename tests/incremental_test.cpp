// Quantization share by share: what freezes when, that it stays, and that it is worth it.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "errors.h"
#include "laconic/methods.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "quantize_samples.h"
#include "toy_data.h"
#include "train/methods/make_up.h"
#include "train/methods/partial_tensor.h"
#include "train/methods/stretches.h"

namespace laconic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Shape shape{3, 8, 8};

Network small_network(std::uint64_t seed = 1) {
  return Network(make_network("resnet20:width=2", shape, 3, seed));
}

MethodSetup setup(const Network& network, std::string_view quantizer = "kmeans:levels=5") {
  return {.plan = plan_weights(network.graph(), quantizer), .importance = {}};
}

std::vector<float> values_of(const Network& network, const std::string& name) {
  return elements_of(network, name);
}

/// Steps of training with momentum and decay.
void train_some(Network& network, Method& method, const Dataset& data, std::int64_t epochs,
                std::uint64_t seed = 1) {
  TrainOptions options;
  options.epochs = epochs;
  options.batch = 20;
  options.optimizer = "sgd:lr=0.05,momentum=0.9";
  options.weight_decay = 1e-2;
  options.seed = seed;
  options.method = &method;
  (void)train(network, data, options);
}

/// Watches what a method does at each step.
class Watch final : public Method {
 public:
  Watch(std::unique_ptr<Method> inner, std::function<void(Network&, const Progress&)> look)
      : inner_(std::move(inner)), look_(std::move(look)) {}
  void begin(Network& network) override { inner_->begin(network); }
  void before_forward(Network& network, const Progress& at) override {
    inner_->before_forward(network, at);
  }
  void after_update(Network& network, const Progress& at) override {
    inner_->after_update(network, at);
    look_(network, at);
  }
  StepRange period(const Progress& at) const override { return inner_->period(at); }
  QuantizedModel finish(Network& network) override { return inner_->finish(network); }
  MethodState state() const override { return inner_->state(); }
  std::string spec() const override { return inner_->spec(); }

 private:
  std::unique_ptr<Method> inner_;
  std::function<void(Network&, const Progress&)> look_;
};

TEST(Incremental, FrozenWeightsNeverMoveAgain) {
  const ToyData data(shape, 3, 60);
  auto network = small_network();
  const std::string name = "layer1.0.conv1.weight";
  std::vector<float> before;
  std::vector<float> frozen_before;
  std::vector<std::size_t> counts;
  Method* method = nullptr;
  Watch watch(make_method("incremental:shares=0.3/0.6/1", setup(network)),
              [&](Network& net, const Progress&) {
                const auto state = method->state();
                const auto& frozen = state.find(name + "/frozen")->second.values;
                const auto now = values_of(net, name);
                std::size_t count = 0;
                for (std::size_t i = 0; i < now.size(); ++i) {
                  if (!before.empty() && frozen_before[i] > 0) {
                    EXPECT_GT(frozen[i], 0) << "thawed";
                    EXPECT_EQ(now[i], before[i]) << "moved";
                  }
                  count += frozen[i] > 0;
                }
                counts.push_back(count);
                before = now;
                frozen_before = frozen;
              });
  method = &watch;
  train_some(network, watch, data, 3);
  // 36 weights, nine steps: three stretches of three.
  EXPECT_THAT(counts, ElementsAre(11, 11, 11, 22, 22, 22, 36, 36, 36));
  const auto model = watch.finish(network);
  EXPECT_EQ(dequantize(model.find(name)->second.tensor), before);
}

TEST(Incremental, FreeWeightsTrainOn) {
  const ToyData data(shape, 3, 60);
  auto network = small_network();
  const auto start = values_of(network, "conv1.weight");
  const auto method = make_method("incremental:shares=0.5/1,settle=false", setup(network));
  train_some(network, *method, data, 1);
  const auto frozen = method->state().find("conv1.weight/frozen")->second.values;
  const auto now = values_of(network, "conv1.weight");
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (frozen[i] == 0) {
      EXPECT_NE(now[i], start[i]) << i;
    }
  }
}

TEST(Incremental, KeepsToItsLevelsWithZeroAmongThem) {
  const ToyData data(shape, 3, 60);
  for (const std::string_view spec :
       {"incremental:zero=pinned", "incremental:by=level,zero=pinned,shares=0.2/0.6/1",
        "incremental:levels=refit,zero=pinned", "incremental:levels=fixed,zero=pinned",
        "incremental:groups=3,zero=pinned,group_order=backward,shares=0.5/1"}) {
    auto network = small_network();
    const auto method = make_method(spec, setup(network));
    train_some(network, *method, data, 2);
    for (const auto& [name, parameter] : method->finish(network)) {
      const auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
      if (tensor == nullptr) continue;
      validate(*tensor);
      const auto levels = tensor->codebooks[0].levels();
      EXPECT_LE(levels.size(), 5u) << spec;
      EXPECT_EQ(std::count(levels.begin(), levels.end(), 0.0F), 1) << spec << " " << name;
    }
  }
}

TEST(Incremental, TheRateBeginsAnewWithEachShare) {
  auto network = small_network();
  const auto method = make_method("incremental:shares=0.5/0.75/1", setup(network));
  method->begin(network);
  const auto range = [&](std::int64_t step) {
    const auto period = method->period({0, step, 100, nullptr});
    return std::vector{period.first, period.last};
  };
  EXPECT_THAT(range(0), ElementsAre(0, 33));
  EXPECT_THAT(range(33), ElementsAre(33, 66));
  EXPECT_THAT(range(100), ElementsAre(66, 100));
  const auto through = make_method("incremental:restart=false", setup(network));
  through->begin(network);
  EXPECT_EQ(through->period({0, 50, 100, nullptr}).last, 100);
}

TEST(Incremental, BeatsQuantizingAllAtOnce) {
  double share_by_share = 0, at_once = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const ToyData data(shape, 3, 60, 1.0);
    auto trained = small_network(seed);
    (void)train(trained, data, {.epochs = 4, .batch = 20, .optimizer = "sgd:lr=0.05,momentum=0.9"});
    const auto loss_of = [&](std::string_view spec) {
      Network network(trained.to_graph());
      const auto method = make_method(spec, setup(network, "kmeans:levels=3"));
      train_some(network, *method, data, 6, seed);
      (void)method->finish(network);
      return evaluate(network, data, Part::train).loss;
    };
    share_by_share += loss_of("incremental");
    at_once += loss_of("incremental:shares=1");
  }
  EXPECT_LT(share_by_share, at_once);
}

TEST(Incremental, MeasuresLossesWhereAsked) {
  const ToyData data(shape, 3, 60);
  const auto finished = [&](std::string_view criterion, std::string_view order) {
    auto network = small_network();
    auto with = setup(network);
    with.data = &data;
    const auto method = make_method(
        fmt::format("incremental:by=level,criterion={},shares=0.4/1,groups=2,group_order={}",
                    criterion, order),
        with);
    train_some(network, *method, data, 2);
    std::map<std::string, Tensor> tensors;
    for (const auto& [name, parameter] : method->finish(network)) {
      if (const auto* t = std::get_if<QuantizedTensor>(&parameter.tensor)) validate(*t);
      tensors.emplace(name, parameter.tensor);
    }
    return tensors;
  };
  const auto measured = finished("cluster_loss", "sensitivity");
  EXPECT_NE(measured, finished("magnitude", "sensitivity"));
  EXPECT_NE(measured, finished("cluster_loss", "backward"));
}

TEST(Incremental, RefusesWhatItCannotDo) {
  auto network = small_network();
  const auto message = [&](std::string_view spec) {
    return error_of([&] { (void)make_method(spec, setup(network)); }, ErrorCode::invalid_argument);
  };
  EXPECT_THAT(message("incremental:shares=0.5/0.5/1"), HasSubstr("0.5 does not lie above 0.5"));
  EXPECT_THAT(message("incremental:shares=0.5/0.9"), HasSubstr("must rise to 1, not to 0.9"));
  EXPECT_THAT(message("incremental:shares=-1/1"), HasSubstr("does not lie above 0"));
  EXPECT_THAT(message("incremental:criterion=cluster_loss"), HasSubstr("needs by=level"));
  EXPECT_THAT(message("incremental:by=level,criterion=cluster_loss"), HasSubstr("needs data"));
  EXPECT_THAT(message("incremental:until=plateau"), HasSubstr("needs data"));
  EXPECT_THAT(error_of(
                  [&] {
                    make_method("incremental", {.plan = parse_plan("* kmeans granularity=joint"),
                                                .importance = {}})
                        ->begin(network);
                  },
                  ErrorCode::invalid_argument),
              HasSubstr("granularity joint"));
}

TEST(Incremental, RefusesAStateThatDoesNotFit) {
  auto network = small_network();
  const auto method = make_method("incremental", setup(network));
  method->begin(network);
  const auto good = method->state();
  const auto broken = [&](const std::string& key, DenseTensor value) {
    auto state = good;
    state.insert_or_assign(key, std::move(value));
    return error_of([&] { method->restore(state); }, ErrorCode::corrupt_data);
  };
  method->restore(good);
  EXPECT_THAT(broken("stretch", {{6}, {9, 0, 0, 0, 0, 0}}), HasSubstr("how many shares"));
  EXPECT_THAT(broken("stretch", {{6}, {1, 0, 0.5F, 0, 0, 0}}), HasSubstr("training began"));
  EXPECT_THAT(broken("conv1.weight/counts", {{1}, {3}}), HasSubstr("do not fit \"conv1.weight\""));
  EXPECT_THAT(broken("conv1.weight/frozen", {{1}, {0}}), HasSubstr("do not fit"));
  EXPECT_THAT(error_of([&] { method->restore({}); }, ErrorCode::corrupt_data),
              HasSubstr("how many shares"));
  for (const auto& levels : {std::vector<float>{1, NAN}, {1, 1}, {2, 1}}) {
    auto state = good;
    state["conv1.weight/counts"] = {{1}, {2}};
    state["conv1.weight/levels"] = {{2}, levels};
    EXPECT_THAT(error_of([&] { method->restore(state); }, ErrorCode::corrupt_data),
                HasSubstr("do not fit"));
  }
}

/// The steps before which stretches begin, in a run of ten steps an epoch.
std::vector<std::int64_t> beginnings(Stretches stretches, const std::vector<double>& losses) {
  std::vector<std::int64_t> steps;
  const auto total = static_cast<std::int64_t>(losses.size()) * 10;
  for (std::int64_t step = 0; step < total; ++step) {
    const Progress at{.epoch = step / 10, .step = step, .total_steps = total};
    const auto loss = [&] { return losses[static_cast<std::size_t>(at.epoch - 1)]; };
    while (stretches.ends(at, loss)) {
      stretches.begin(at);
      steps.push_back(step);
      EXPECT_EQ(stretches.period(at).first, step);
    }
    EXPECT_LT(step, stretches.period(at).last);
    // What a checkpoint holds is all there is.
    MethodState state;
    stretches.save(state);
    stretches.restore(state);
  }
  return steps;
}

TEST(Stretches, AreEqualUnlessAPlateauEndsThem) {
  const std::vector<double> falling{9, 8, 7, 6, 5, 4, 3, 2, 1, 0.5, 0.4, 0.3};
  EXPECT_THAT(beginnings({3, {}}, falling), ElementsAre(0, 40, 80));
  EXPECT_THAT(beginnings({3, 0.01}, falling), ElementsAre(0, 40, 80));
  // The third epoch hardly gains; of the nine that are left each of the other two gets half, and
  // the first of the second stretch is compared with nothing.
  EXPECT_THAT(beginnings({3, 0.01}, {9, 8, 7.99, 9, 8, 7, 6, 5, 4, 3, 2, 1}),
              ElementsAre(0, 30, 75));
  EXPECT_THAT(beginnings({3, 0.2}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0.5, 0.4, 0.3}),
              ElementsAre(0, 20, 40));
}

TEST(Incremental, TrainsEachShareToAPlateau) {
  const ToyData data(shape, 3, 60, 1);
  std::vector<std::vector<float>> ends;
  for (const auto* spec : {"incremental:until=plateau,gain=1", "incremental"}) {
    auto network = small_network();
    auto with_data = setup(network);
    with_data.data = &data;
    const auto method = make_method(spec, std::move(with_data));
    train_some(network, *method, data, 12);
    const auto done = method->finish(network);
    ends.push_back(dequantize(std::get<QuantizedTensor>(done.at("conv1.weight").tensor)));
  }
  // With a gain that no epoch reaches, shares freeze as fast as two epochs can be compared.
  EXPECT_NE(ends[0], ends[1]);
}

TEST(MakeUp, ReachesTheLeastSquaresOptimumOfTheFreeWeights) {
  // One row of three weights, the first frozen off by 0.5; inputs correlated.
  const auto moments =
      at::tensor({2.0, 1.0, 0.5, 1.0, 2.0, 0.3, 0.5, 0.3, 1.0}, at::kDouble).reshape({1, 3, 3});
  const std::vector<float> target{1, 2, 3};
  const std::vector<char> frozen{1, 0, 0};
  std::vector<float> weights{1.5F, 2, 3};
  make_up(weights, target, frozen, moments);
  EXPECT_EQ(weights[0], 1.5F);
  const auto error = [&](float a, float b) {
    const auto e = at::tensor({0.5, static_cast<double>(a) - 2, static_cast<double>(b) - 3});
    const auto damped = moments[0] + 0.01 * 5.0 / 3 * at::eye(3, at::kDouble);
    return at::matmul(e.to(at::kDouble), at::matmul(damped, e.to(at::kDouble))).item<double>();
  };
  const double best = error(weights[1], weights[2]);
  for (const float step : {-0.01F, 0.01F}) {
    EXPECT_GT(error(weights[1] + step, weights[2]), best);
    EXPECT_GT(error(weights[1], weights[2] + step), best);
  }
}

TEST(MakeUp, BringsOutputsBackWithoutTraining) {
  const ToyData data(shape, 3, 60, 1.0);
  const auto loss_of = [&](std::string_view spec) {
    auto trained = small_network(2);
    (void)train(trained, data, {.epochs = 4, .batch = 20, .optimizer = "sgd:lr=0.05,momentum=0.9"});
    auto with = setup(trained, "kmeans:levels=3");
    with.data = &data;
    const auto method = make_method(spec, with);
    method->begin(trained);
    // All shares but the last, nothing trained in between.
    method->before_forward(trained, {0, 99, 100, nullptr});
    return evaluate(trained, data, Part::train).loss;
  };
  EXPECT_LT(loss_of("incremental:shares=0.5/0.8/1,settle=false,make_up=true"),
            loss_of("incremental:shares=0.5/0.8/1,settle=false"));
}

/// One tensor of a plan.
struct Partial {
  Partial(std::vector<float> w, const std::string& row, std::vector<float> h = {})
      : weights(std::move(w)), importance(std::move(h)), plan(parse_plan("w " + row)) {
    planned = {"w",
               {static_cast<std::int64_t>(weights.size())},
               &plan[0],
               make_quantizer(plan[0].quantizer)};
  }
  [[nodiscard]] PartialTensor make() const { return {planned, importance}; }

  std::vector<float> weights, importance;
  Plan plan;
  PlannedTensor planned;
};

TEST(PartialTensor, FreezesByEachCriterion) {
  // Levels 0 and 1 at these weights; distances 0.05 0.2 0.1 0.15, roughly.
  const Partial p({0.05F, -0.2F, 0.9F, 1.15F}, "kmeans:levels=2", {1, 1, 100, 1});
  const auto frozen = [&](const ShareRule& rule) {
    auto tensor = p.make();
    tensor.fit(p.weights, rule);
    tensor.freeze(p.weights, 0.25, rule);
    const auto mask = tensor.frozen();
    return std::find(mask.begin(), mask.end(), char{1}) - mask.begin();
  };
  EXPECT_EQ(frozen({.criterion = Criterion::magnitude}), 3);
  EXPECT_EQ(frozen({.criterion = Criterion::magnitude, .large_first = false}), 0);
  EXPECT_EQ(frozen({.criterion = Criterion::distance}), 3);
  EXPECT_EQ(frozen({.criterion = Criterion::distance, .large_first = false}), 2);
}

TEST(PartialTensor, TakesLevelsInTheReleasedOrder) {
  // SLQ: zero and the pair of largest magnitude first.
  const Partial p({-4, -1, 0, 1, 4}, "kmeans:levels=5");
  const ShareRule rule{.by_level = true, .pin_zero = true};
  auto tensor = p.make();
  tensor.fit(p.weights, rule);
  tensor.freeze(p.weights, 0.6, rule);
  EXPECT_THAT(tensor.frozen(), ElementsAre(1, 0, 1, 0, 1));
  // MLQ: the boundary levels, then the one inside.
  const Partial ternary({-2, -2, 0.1F, 2, 2}, "kmeans:levels=3");
  const ShareRule boundary{.by_level = true};
  auto three = ternary.make();
  three.fit(ternary.weights, boundary);
  three.freeze(ternary.weights, 0.667, boundary);
  EXPECT_THAT(three.frozen(), ElementsAre(1, 1, 0, 1, 1));
}

TEST(PartialTensor, PinnedLevelsStayAndFreeWeightsMayJoinThem) {
  Partial p(gaussian(200, 1), "kmeans:levels=9");
  const ShareRule rule{.by_level = true};
  auto tensor = p.make();
  tensor.fit(p.weights, rule);
  tensor.freeze(p.weights, 0.4, rule);
  auto values = p.weights;
  tensor.put_frozen_in(values);
  const auto count = tensor.frozen_count();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (tensor.frozen()[i] == 0) values[i] *= 1.3F;
  }
  const auto before = values;
  tensor.fit(values, rule);
  tensor.freeze(values, 0.7, rule);
  tensor.put_frozen_in(values);
  EXPECT_GT(tensor.frozen_count(), count);
  EXPECT_LE(tensor.ranks(), 9u);
  tensor.fit(values, rule);
  tensor.freeze(values, 1, rule);
  EXPECT_EQ(tensor.frozen_count(), 200u);
}

TEST(PartialTensor, DamageOfLevelsIsHalfTheSumOfCurvatures) {
  const Partial p(gaussian(50, 2), "kmeans:levels=4", log_normal(50, 3));
  const ShareRule rule{.by_level = true};
  auto tensor = p.make();
  tensor.fit(p.weights, rule);
  double sum = 0;
  for (std::size_t rank = 0; rank < tensor.ranks(); ++rank) {
    const auto replaced = tensor.with_rank_replaced(p.weights, rank, rule);
    for (std::size_t i = 0; i < replaced.size(); ++i) {
      const double e = static_cast<double>(p.weights[i]) - replaced[i];
      sum += 0.5 * static_cast<double>(p.importance[i]) * e * e;
    }
  }
  EXPECT_NEAR(sum, tensor.damage(p.weights), 1e-9 * sum);
}

TEST(PartialTensor, ZerosStayZeroWhereThePlanSaysSo) {
  Partial p({0, 0, 1, 2, 3, 0}, "kmeans:levels=3 zeros=keep");
  const ShareRule rule;
  auto tensor = p.make();
  tensor.fit(p.weights, rule);
  tensor.freeze(p.weights, 0.5, rule);
  EXPECT_THAT(tensor.frozen(), ElementsAre(1, 1, 0, 0, 0, 1));
  tensor.fit(p.weights, rule);
  tensor.freeze(p.weights, 1, rule);
  EXPECT_THAT(dequantize(tensor.quantized()), ElementsAre(0, 0, 1, 2.5F, 2.5F, 0));
}

TEST(PartialTensor, DegenerateTensorsFreezeWhole) {
  for (const auto& weights : {std::vector<float>(7, 0.0F), std::vector<float>(7, -2.5F),
                              std::vector<float>{1, 1, 2, 2, 1, 2, 1}}) {
    for (const bool by_level : {false, true}) {
      for (const auto policy : {LevelPolicy::keep, LevelPolicy::refit, LevelPolicy::fixed}) {
        const Partial p(weights, "kmeans:levels=17");
        const ShareRule rule{.by_level = by_level, .levels = policy, .pin_zero = true};
        auto tensor = p.make();
        for (const double share : {0.3, 0.6, 1.0}) {
          tensor.fit(p.weights, rule);
          tensor.freeze(p.weights, share, rule);
        }
        EXPECT_EQ(tensor.frozen_count(), 7u);
        EXPECT_EQ(dequantize(tensor.quantized()), weights);
      }
    }
  }
}

}  // namespace
}  // namespace laconic
