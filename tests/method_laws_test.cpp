// Laws that every row of the table of methods keeps.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errors.h"
#include "laconic/methods.h"
#include "laconic/model.h"
#include "laconic/threads.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "temporary_folder.h"
#include "toy_data.h"

namespace laconic {
namespace {

using testing::HasSubstr;

class MethodLaws : public testing::TestWithParam<std::string_view> {
 protected:
  ~MethodLaws() override {
    clear_interrupt();
    set_threads(0);
  }

  static Network network() { return Network(make_network("resnet20:width=2", shape(), 3, 1)); }
  static Shape shape() { return {3, 8, 8}; }
  static MethodSetup setup() {
    return {.plan = plan_weights(network().graph(), "kmeans:levels=4"), .importance = {}};
  }
  static std::unique_ptr<Method> method(MethodSetup with = setup()) {
    return make_method(GetParam(), std::move(with));
  }
  static TrainOptions options(Method& method) {
    TrainOptions options;
    options.epochs = 2;
    options.batch = 20;
    options.optimizer = "adam:lr=0.01";
    options.method = &method;
    return options;
  }

  ToyData data_{shape(), 3, 60};
};

TEST_P(MethodLaws, SpecMakesTheSameMember) {
  const auto spec = method()->spec();
  EXPECT_EQ(make_method(spec, setup())->spec(), spec);
  EXPECT_TRUE(spec.starts_with(GetParam())) << spec;
}

TEST_P(MethodLaws, WithoutTrainingQuantizesAsItsQuantizerDoes) {
  auto net = network();
  const auto untouched = net.to_graph();
  const auto made = method();
  made->begin(net);
  const auto model = made->finish(net);
  ASSERT_EQ(model.size(), net.parameters().size());
  const auto quantizer = make_quantizer("kmeans:levels=4");
  for (const auto& info : net.parameters()) {
    const auto& constant = untouched.constants.find(info.name)->second;
    const auto& tensor = model.find(info.name)->second.tensor;
    if (info.role != Role::weight) {
      EXPECT_EQ(tensor, Tensor(DenseTensor{constant.shape(),
                                           {constant.floats().begin(), constant.floats().end()}}));
      continue;
    }
    const WeightsView view{constant.shape(), constant.floats()};
    EXPECT_EQ(tensor, Tensor(quantize(*quantizer, std::span(&view, 1))[0])) << info.name;
  }
}

/// Steps of a running variance would be nonsense, and the network with them.
TEST_P(MethodLaws, LeavesRunningStatisticsAlone) {
  auto net = network();
  Plan plan{PlanRow{.tensors = "*", .quantizer = "kmeans:levels=4"}};
  const auto model = method({.plan = plan, .importance = {}})->finish(net);
  std::string statistic;
  for (const auto& info : net.parameters()) {
    const bool measured = is_running_statistic(net.graph(), info);
    if (measured) statistic = info.name;
    EXPECT_EQ(std::holds_alternative<DenseTensor>(model.find(info.name)->second.tensor), measured)
        << info.name;
  }
  plan[0].tensors = statistic;
  const auto finish = [&] { (void)method({.plan = plan, .importance = {}})->finish(net); };
  EXPECT_THAT(error_of(finish, ErrorCode::invalid_argument),
              HasSubstr("running statistics, which are measured, are not quantized"));
}

TEST_P(MethodLaws, FinishesANetworkThatItHasNotSeenTrain) {
  auto net = network(), same = network();
  const auto made = method(), begun = method();
  begun->begin(same);
  const auto model = made->finish(net), other = begun->finish(same);
  for (const auto& [name, parameter] : model) {
    EXPECT_EQ(other.find(name)->second.tensor, parameter.tensor) << name;
  }
}

TEST_P(MethodLaws, FinishesValidWhateverTheThreads) {
  std::vector<std::byte> first;
  for (const int count : {1, 3}) {
    set_threads(count);
    auto net = network();
    const auto made = method();
    (void)train(net, data_, options(*made));
    const auto model = made->finish(net);
    for (const auto& [name, parameter] : model) {
      if (const auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor)) validate(*tensor);
    }
    Graph structure = net.graph();
    for (const auto& info : net.parameters()) structure.constants.erase(info.name);
    const auto bytes = pack({structure, model, {}});
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first);
  }
}

TEST_P(MethodLaws, GoesOnToTheSameBytes) {
  const auto finished = [&](Network& net, Method& made, const TrainOptions& with) {
    (void)train(net, data_, with);
    return made.finish(net);
  };
  auto expected = network();
  const auto whole = method();
  const auto model = finished(expected, *whole, options(*whole));
  for (const std::int64_t samples : {20, 60, 100}) {
    const TemporaryFolder folder;
    ToyData broken_off(shape(), 3, 60);
    broken_off.interrupt_after(samples);
    auto net = network();
    const auto before = method(), after = method();
    auto with = options(*before);
    with.checkpoint = folder.path("run");
    (void)error_of([&] { (void)train(net, broken_off, with); }, ErrorCode::interrupted);
    clear_interrupt();
    with.method = after.get();
    with.existing = Existing::resume;
    auto resumed = network();
    const auto again = finished(resumed, *after, with);
    EXPECT_EQ(resumed.to_graph(), expected.to_graph()) << samples;
    for (const auto& [name, parameter] : model) {
      EXPECT_EQ(again.find(name)->second.tensor, parameter.tensor) << name << " " << samples;
    }
  }
}

TEST_P(MethodLaws, NamesWhatDoesNotFit) {
  const auto message = [](MethodSetup with) {
    auto net = network();
    const auto made = method(std::move(with));
    return error_of(
        [&] {
          made->begin(net);
          (void)made->finish(net);
        },
        ErrorCode::invalid_argument);
  };
  EXPECT_THAT(message({}), HasSubstr("names no tensor"));
  EXPECT_THAT(message({parse_plan("conv9.* kmeans"), {}}), HasSubstr("\"conv9.*\""));
  EXPECT_THAT(message({parse_plan("conv1.weight kmeans"), {{"conv1.weight", {1, 2}}}}),
              HasSubstr("54 weights, but 2 importances"));
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> out;
  for (const auto& member : methods()) out.push_back(member.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, MethodLaws, testing::ValuesIn(names()),
                         [](const auto& member) { return std::string(member.param); });

TEST(PlanWeights, NamesMatricesOnly) {
  const auto graph = make_network("lenet5", {1, 28, 28}, 10, 1);
  EXPECT_EQ(print_plan(plan_weights(graph, "kmeans")),
            "conv1.weight kmeans\nconv2.weight kmeans\nfc1.weight kmeans\nfc2.weight kmeans\n");
}

}  // namespace
}  // namespace laconic
