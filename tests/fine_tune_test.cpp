// Training on quantized weights: what an interruption must not change, and sizes that are kept to.

#include "train/post/fine_tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "errors.h"
#include "laconic/model.h"
#include "laconic/random.h"
#include "laconic/zoo.h"
#include "train/post/even_codebook.h"

namespace laconic {
namespace {

using testing::HasSubstr;

std::span<float> values_of(Network& network, const std::string& name) {
  auto& parameter = network.parameter(name);
  return {parameter.data_ptr<float>(), static_cast<std::size_t>(parameter.numel())};
}

class FineTuneTest : public testing::TestWithParam<std::string> {
 protected:
  static Network network() { return Network(make_network("lenet300", {1, 6, 6}, 4, 3)); }

  /// Every weight at its nearest level.
  static QuantizedModel start() {
    auto net = network();
    QuantizedModel model;
    for (const auto& info : net.parameters()) {
      const auto values = values_of(net, info.name);
      const auto shape = net.parameter(info.name).sizes().vec();
      if (shape.size() < 2) {
        model[info.name] = {DenseTensor{shape, {values.begin(), values.end()}}, "", "auto"};
        continue;
      }
      const float step = 0.4F * *std::ranges::max_element(values);
      QuantizedTensor tensor{shape, std::ssize(values), {}, {}};
      tensor.codebooks.push_back(GetParam() == "trellis"
                                     ? trellis_levels_over(values, static_cast<double>(step))
                                     : evenly_spaced_over(values, step));
      for (const float value : values) tensor.indices.push_back(tensor.codebooks[0].nearest(value));
      model[info.name] = {tensor, GetParam(), "auto"};
    }
    return model;
  }

  static std::int64_t bytes_of(const QuantizedModel& model) {
    return std::ssize(pack({{}, model, {}}));
  }

  /// One step of a run, whose updates are random.
  static void train_step(FineTune& method, Network& net, std::int64_t step) {
    const Progress progress{0, step, total, nullptr};
    method.before_forward(net, progress);
    method.after_backward(net, progress);
    Random random(9, "updates", static_cast<std::uint64_t>(step));
    for (const auto& info : net.parameters()) {
      if (net.parameter(info.name).dim() < 2) continue;
      for (float& value : values_of(net, info.name))
        value += static_cast<float>(0.01 * random.normal());
    }
  }

  static constexpr std::int64_t total = 12;
};

/// Bits so dear that assignments hang on those before.
TEST_P(FineTuneTest, GoesOnFromItsStateToTheSameIndices) {
  const auto method = [] {
    return FineTune(start(), 1.5, SizeBudget{bytes_of(start()) / 2, bytes_of});
  };
  const auto last = total - 1;
  auto whole_net = network(), net = network();
  auto whole = method();
  whole.begin(whole_net);
  for (std::int64_t step = 0; step < total; ++step) train_step(whole, whole_net, step);

  auto first = method();
  first.begin(net);
  for (std::int64_t step = 0; step < last; ++step) train_step(first, net, step);
  auto second = method();
  auto untouched = network();
  second.begin(untouched);
  second.restore(first.state());
  train_step(second, net, last);
  EXPECT_EQ(second.state(), whole.state());
  EXPECT_EQ(pack({{}, second.finish(net), {}}), pack({{}, whole.finish(whole_net), {}}));
}

TEST_P(FineTuneTest, KeepsToItsBudgetAndToWhatWasTrainedWhereThatFits) {
  const auto bytes_after = [](std::optional<SizeBudget> budget) {
    auto net = network();
    FineTune method(start(), 0.2, std::move(budget));
    method.begin(net);
    for (std::int64_t step = 0; step < total; ++step) train_step(method, net, step);
    return static_cast<double>(bytes_of(method.finish(net)));
  };
  const double free = bytes_after({});
  const auto within = [&](double share) {
    return bytes_after(SizeBudget{static_cast<std::int64_t>(share * free), bytes_of}) / free;
  };
  EXPECT_LE(within(0.85), 0.85);
  EXPECT_GT(within(0.85), 0.985 * 0.85);
  // The price fell once on the way, and no further.
  EXPECT_NEAR(within(1.5), 1, 0.01);
}

TEST_P(FineTuneTest, KeepsZerosOfPrunedWeights) {
  const auto zeros_lost = [](std::set<std::string> pruned) {
    auto net = network();
    const auto weights = values_of(net, "fc1.weight");
    for (std::size_t i = 0; i < weights.size(); i += 2) weights[i] = 0;
    FineTune method(start(), 0.2, {}, std::move(pruned));
    method.begin(net);
    for (std::int64_t step = 0; step < total; ++step) train_step(method, net, step);
    const auto values = dequantize(method.finish(net).find("fc1.weight")->second.tensor);
    std::size_t lost = 0;
    for (std::size_t i = 0; i < values.size(); i += 2) lost += values[i] != 0;
    return lost;
  };
  EXPECT_GT(zeros_lost({}), 0u);
  EXPECT_EQ(zeros_lost({"fc1.weight"}), 0u);
}

TEST_P(FineTuneTest, RefusesAStateThatDoesNotFit) {
  auto net = network();
  FineTune method(start(), 0.2);
  method.begin(net);
  const auto state = method.state();
  const auto refused = [&](auto change) {
    auto changed = state;
    change(changed);
    return error_of([&] { method.restore(changed); }, ErrorCode::corrupt_data);
  };
  const std::string key = "indices of fc1.weight";
  ASSERT_TRUE(state.contains(key));
  EXPECT_THAT(refused([&](auto& s) { s.erase(key); }), HasSubstr(key));
  EXPECT_THAT(refused([&](auto& s) { s.find(key)->second.values.pop_back(); }), HasSubstr(key));
  EXPECT_THAT(refused([&](auto& s) { s.find(key)->second.values[0] = 1e9F; }), HasSubstr(key));
  EXPECT_THAT(refused([&](auto& s) { s.find(key)->second.values[0] = NAN; }), HasSubstr(key));
  EXPECT_THAT(refused([&](auto& s) { s.find("price")->second.values[0] = -1; }),
              HasSubstr("price"));
  EXPECT_THAT(refused([&](auto& s) { s.erase("price"); }), HasSubstr("price"));
}

INSTANTIATE_TEST_SUITE_P(Quantizers, FineTuneTest, testing::Values("uniform", "trellis"));

}  // namespace
}  // namespace laconic
