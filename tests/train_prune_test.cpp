// Pruning while training, and the training of shared levels.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "errors.h"
#include "laconic/methods.h"
#include "laconic/threads.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "temporary_folder.h"
#include "toy_data.h"

namespace laconic {
namespace {

using testing::HasSubstr;

class TrainPrune : public testing::Test {
 protected:
  ~TrainPrune() override { clear_interrupt(); }

  Network network() const { return Network(make_network("lenet300", shape_, 3, 1)); }

  static TrainOptions options(const std::string& pruning) {
    TrainOptions options;
    options.epochs = 3;
    options.batch = 20;
    options.optimizer = "sgd:lr=0.02,momentum=0.9";
    options.pruning = pruning;
    return options;
  }

  /// Shares of weights that are not zero, by matrix, then that of all.
  static std::vector<double> kept(const Network& network) {
    std::vector<double> shares;
    double survivors = 0, count = 0;
    for (const auto& info : network.parameters()) {
      const auto& weights = network.parameter(info.name);
      if (info.role != Role::weight) continue;
      const auto left = static_cast<double>(weights.count_nonzero().item<std::int64_t>());
      shares.push_back(left / static_cast<double>(weights.numel()));
      survivors += left;
      count += static_cast<double>(weights.numel());
    }
    shares.push_back(survivors / count);
    return shares;
  }

  const Shape shape_{1, 6, 6};
  ToyData data_{shape_, 3, 100};
};

TEST_F(TrainPrune, EndsAtTheShareOfEachTensorOrOfAll) {
  for (const std::string until : {"0", "0.5", "1"}) {
    auto net = network();
    (void)train(net, data_, options("magnitude:keep=0.2,scope=tensor,until=" + until));
    for (const double share : kept(net)) EXPECT_NEAR(share, 0.2, 1e-3) << until;
    net = network();
    (void)train(net, data_, options("magnitude:keep=0.2,until=" + until));
    const auto shares = kept(net);
    EXPECT_NEAR(shares.back(), 0.2, 1e-4) << until;
    EXPECT_GT(std::abs(shares[0] - shares[1]), 0.01) << until;
    EXPECT_GT(evaluate(net, data_, Part::test).accuracy, 0.9) << until;
  }
}

TEST_F(TrainPrune, KeepsTheZerosThatItFinds) {
  auto pruned = network();
  (void)train(pruned, data_, options("magnitude:keep=0.1,until=0"));
  Network again(pruned.to_graph());
  (void)train(again, data_, options("magnitude:keep=1"));
  EXPECT_EQ(kept(again), kept(pruned));
  EXPECT_NE(again.to_graph(), pruned.to_graph());
}

TEST_F(TrainPrune, TakesWhatImportanceCallsFree) {
  auto net = network();
  auto with = options("importance:keep=0.5,scope=tensor,until=0");
  for (const auto& info : net.parameters()) {
    if (info.role != Role::weight) continue;
    auto& importance = with.importance[info.name];
    importance.assign(static_cast<std::size_t>(net.parameter(info.name).numel()), 0);
    std::fill_n(importance.begin(), (importance.size() + 1) / 2, 1.0f);
  }
  (void)train(net, data_, with);
  for (const auto& info : net.parameters()) {
    if (info.role != Role::weight) continue;
    const auto flat = net.parameter(info.name).detach().flatten();
    const auto half = (flat.numel() + 1) / 2;
    EXPECT_EQ(flat.narrow(0, half, flat.numel() - half).count_nonzero().item<std::int64_t>(), 0);
  }
}

TEST_F(TrainPrune, GoesOnToTheSameBytes) {
  auto expected = network();
  (void)train(expected, data_, options("magnitude"));
  for (const std::int64_t samples : {20, 60, 160, 220}) {
    const TemporaryFolder folder;
    ToyData broken_off(shape_, 3, 100);
    broken_off.interrupt_after(samples);
    auto with = options("magnitude");
    with.checkpoint = folder.path("run");
    auto net = network();
    (void)error_of([&] { (void)train(net, broken_off, with); }, ErrorCode::interrupted);
    clear_interrupt();
    with.existing = Existing::resume;
    auto resumed = network();
    (void)train(resumed, data_, with);
    EXPECT_EQ(resumed.to_graph(), expected.to_graph()) << samples;
    with.pruning = "magnitude:keep=0.3";
    auto other = network();
    EXPECT_THAT(error_of([&] { (void)train(other, data_, with); }, ErrorCode::invalid_argument),
                HasSubstr("pruning is \"magnitude:keep=0.1"));
  }
}

TEST_F(TrainPrune, SaysWhatIsMissing) {
  auto net = network();
  EXPECT_THAT(error_of([&] { (void)train(net, data_, options("importance")); },
                       ErrorCode::invalid_argument),
              HasSubstr("needs an importance of each weight"));
  EXPECT_THAT(
      error_of([&] { (void)train(net, data_, options("size")); }, ErrorCode::invalid_argument),
      HasSubstr("magnitude"));
}

TEST_F(TrainPrune, CentroidsMoveTogether) {
  for (const std::string gradient : {"mean", "sum"}) {
    auto net = network();
    (void)train(net, data_, options("magnitude:keep=0.3,until=0"));
    auto plan = plan_weights(net.graph(), "kmeans:levels=5", {Granularity::Kind::joint});
    for (auto& row : plan) row.zeros = Zeros::keep;
    const auto method = make_method("centroids:gradient=" + gradient, {plan, {}});
    auto with = options("");
    with.method = method.get();
    with.optimizer = gradient == "sum" ? "sgd:lr=0.0001" : "adam:lr=0.001";
    const auto start = make_method("post", {plan, {}})->finish(net);
    const auto zeros = kept(net);
    (void)train(net, data_, with);
    const auto model = method->finish(net);
    std::set<std::vector<float>> codebooks;
    for (const auto& [name, parameter] : model) {
      const auto* codes = std::get_if<QuantizedTensor>(&parameter.tensor);
      if (codes == nullptr) continue;
      const auto& before = std::get<QuantizedTensor>(start.find(name)->second.tensor);
      EXPECT_EQ(codes->indices, before.indices) << name;
      EXPECT_NE(codes->codebooks[0], before.codebooks[0]) << name;
      EXPECT_GE(codes->codebooks[0].zero_index(), 0) << name;
      const auto levels = codes->codebooks[0].levels();
      codebooks.emplace(levels.begin(), levels.end());
    }
    EXPECT_EQ(codebooks.size(), 1u) << gradient;
    const auto left = kept(net);
    for (std::size_t i = 0; i < left.size(); ++i) EXPECT_LE(left[i], zeros[i]) << gradient;
  }
}

/// A tensor that shares a codebook and is not trained follows its levels, and keeps none from
/// moving with the others' gradients.
TEST_F(TrainPrune, CentroidsMoveWithWhatIsTrained) {
  const auto tuned = [&](Plan plan) {
    auto net = network();
    auto with = options("magnitude:keep=0.3,until=0");
    with.trains = [](const ParameterInfo& info) { return info.role == Role::weight; };
    (void)train(net, data_, with);
    for (auto& row : plan) {
      row.granularity = {Granularity::Kind::joint};
      row.zeros = Zeros::keep;
    }
    const auto method = make_method("centroids", {plan, {}});
    with.pruning = "";
    with.method = method.get();
    with.optimizer = "adam:lr=0.001";
    (void)train(net, data_, with);
    return method->finish(net);
  };
  const auto weights = tuned(plan_weights(network().graph(), "kmeans:levels=5"));
  const auto all = tuned({PlanRow{.tensors = "*", .quantizer = "kmeans:levels=5"}});
  int quantized = 0;
  for (const auto& [name, parameter] : weights) {
    if (!std::holds_alternative<QuantizedTensor>(parameter.tensor)) continue;
    EXPECT_EQ(all.find(name)->second.tensor, parameter.tensor) << name;
    ++quantized;
  }
  EXPECT_EQ(quantized, 3);
}

TEST_F(TrainPrune, CentroidsRefuseLevelsThatAreNotShared) {
  auto net = network();
  const auto plan = plan_weights(net.graph(), "kmeans:levels=5", {Granularity::Kind::joint});
  const auto method = make_method("centroids", {plan, {}});
  method->begin(net);
  auto state = method->state();
  method->restore(state);
  const auto last = state.rbegin();  // The sizes of one tensor's codebooks come last.
  ASSERT_TRUE(last->first.starts_with("sizes/"));
  const auto name = last->first.substr(6);
  state["levels/" + name].values.push_back(9);
  state["levels/" + name].shape = {6};
  last->second.values = {6};
  EXPECT_THAT(error_of([&] { method->restore(state); }, ErrorCode::corrupt_data),
              HasSubstr("share their levels"));
}

}  // namespace
}  // namespace laconic
