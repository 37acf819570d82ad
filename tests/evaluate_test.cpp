// Accuracy and loss against sums by hand, the same for any number of threads, and networks that do
// not fit their data.

#include "laconic/evaluate.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "network_graphs.h"

namespace laconic {
namespace {

using testing::HasSubstr;

/// Samples drawn from a seed, all in the test part.
class RandomSamples final : public Dataset {
 public:
  RandomSamples(Shape shape, std::int64_t classes, std::int64_t count)
      : shape_(std::move(shape)), classes_(classes), count_(count) {
    auto all = shape_;
    all.insert(all.begin(), count);
    samples = random_tensor(all, 42);
  }

  const Shape& sample_shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return classes_; }
  std::int64_t size(Part part) const noexcept override { return part == Part::test ? count_ : 0; }
  void read(Part, std::span<const std::int64_t> indices, std::span<float> x,
            std::span<std::int64_t> labels, const Augmentation&, std::uint64_t) const override {
    const auto each = static_cast<std::size_t>(element_count(shape_));
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto* from = samples.data_ptr<float>() + static_cast<std::size_t>(indices[i]) * each;
      std::copy_n(from, each, x.begin() + static_cast<std::ptrdiff_t>(i * each));
      labels[i] = label(indices[i]);
    }
  }
  const Augmentation& augmentation() const noexcept override { return augmentation_; }
  std::string spec() const override { return "random"; }

  std::int64_t label(std::int64_t i) const { return i * i % classes_; }

  at::Tensor samples;

 private:
  Shape shape_;
  std::int64_t classes_;
  std::int64_t count_;
  Augmentation augmentation_;
};

const RandomSamples data({2, 6, 6}, 3, 107);

/// By LibTorch's own loss.
Score expected(const Network& network) {
  const at::NoGradGuard guard;
  const at::Tensor y = network.run(std::array{data.samples})[0];
  double loss = 0;
  double right = 0;
  for (std::int64_t i = 0; i < y.size(0); ++i) {
    loss -= at::log_softmax(y[i].to(at::kDouble), 0)[data.label(i)].item<double>();
    right += y[i].argmax().item<std::int64_t>() == data.label(i);
  }
  const auto count = static_cast<double>(y.size(0));
  return {right / count, loss / count, y.size(0)};
}

std::string message_of(const Graph& graph, const Dataset& samples) {
  try {
    check_fits(graph, samples);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_data);
    return error.what();
  }
  return "no error";
}

TEST(Evaluate, SumsUpAccuracyAndLoss) {
  const Network network(small_classifier());
  const Score wanted = expected(network);
  EvaluateOptions options;
  options.batch = 10;
  const Score score = evaluate(network, data, Part::test, options);
  EXPECT_EQ(score.samples, 107);
  EXPECT_DOUBLE_EQ(score.accuracy, wanted.accuracy);
  EXPECT_NEAR(score.loss, wanted.loss, 1e-6);
  options.limit = 5;
  EXPECT_EQ(evaluate(network, data, Part::test, options).samples, 5);
}

TEST(Evaluate, DoesNotDependOnTheNumberOfThreads) {
  const Network network(small_classifier());
  EvaluateOptions options;
  options.batch = 4;
  std::vector<double> losses;
  for (const int count : {1, 2, 8}) {
    set_threads(count);
    losses.push_back(evaluate(network, data, Part::test, options).loss);
  }
  set_threads(0);
  EXPECT_EQ(losses[1], losses[0]);
  EXPECT_EQ(losses[2], losses[0]);
}

TEST(Evaluate, TakesProbabilitiesAsWell) {
  const Score wanted = expected(Network(small_classifier()));
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    Graph graph = small_classifier();
    graph.nodes.push_back(node(op, {"y"}, {"q"}));
    graph.outputs[0].name = "q";
    const Score score = evaluate(Network(graph), data, Part::test);
    EXPECT_NEAR(score.loss, wanted.loss, 1e-6) << op;
    EXPECT_EQ(score.accuracy, wanted.accuracy) << op;
  }
}

TEST(Evaluate, RunsNetworksOfOneSample) {
  const Score wanted = expected(Network(small_classifier()));
  EXPECT_NEAR(evaluate(Network(small_classifier(1)), data, Part::test).loss, wanted.loss, 1e-6);
  Graph fixed = small_classifier(1);  // Takes one sample and no more.
  fixed.nodes[7] = node("Reshape", {"p", "shape"}, {"f"});
  fixed.constants["shape"] = integers({1, 4});
  EXPECT_NEAR(evaluate(Network(fixed), data, Part::test).loss, wanted.loss, 1e-6);
  Graph mixed = small_classifier(1);  // Takes many, but mixes them: they must run one by one.
  mixed.nodes.push_back(node("ReduceMean", {"y"}, {"m"}, {{"axes", std::vector<std::int64_t>{0}}}));
  mixed.nodes.push_back(node("Sub", {"y", "m"}, {"d"}));
  mixed.outputs[0].name = "d";
  EXPECT_NEAR(evaluate(Network(mixed), data, Part::test).loss, std::log(3.0), 1e-6);
}

TEST(Evaluate, OverridesParameters) {
  const Network network(small_classifier());
  const std::map<std::string, at::Tensor, std::less<>> overrides{{"w3", at::zeros({3, 4})},
                                                                 {"b3", at::zeros({3})}};
  EvaluateOptions options;
  options.overrides = &overrides;
  EXPECT_NEAR(evaluate(network, data, Part::test, options).loss, std::log(3.0), 1e-6);
}

TEST(Evaluate, TellsItsProgressAndStopsWhenAsked) {
  const Network network(small_classifier());
  EvaluateOptions options;
  options.batch = 2;
  std::vector<std::int64_t> done;
  (void)evaluate(network, data, Part::test, options, [&](const ProgressEvent& event) {
    EXPECT_EQ(event.total, 107);
    done.push_back(event.done);
  });
  EXPECT_EQ(done.back(), 107);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  request_interrupt();
  EXPECT_THROW((void)evaluate(network, data, Part::test), Error);
  clear_interrupt();
}

TEST(CheckFits, NamesBothShapesOrCounts) {
  EXPECT_EQ(message_of(small_classifier(), data), "no error");
  EXPECT_THAT(message_of(small_classifier(), RandomSamples({3, 32, 32}, 3, 1)),
              HasSubstr("takes 2x6x6, samples are 3x32x32"));
  EXPECT_THAT(message_of(small_classifier(), RandomSamples({72}, 3, 1)),
              HasSubstr("takes 2x6x6, samples are 72"));
  EXPECT_THAT(message_of(small_classifier(), RandomSamples({2, 6, 6}, 10, 1)),
              HasSubstr("answers with 3 numbers, the data have 10 classes"));
  Graph open = small_classifier();
  open.inputs[0].shape = {-1, 2, -1, -1};
  EXPECT_EQ(message_of(open, data), "no error");
  open.inputs.push_back(open.inputs[0]);
  EXPECT_THAT(message_of(open, data), HasSubstr("2 inputs"));
}

TEST(Evaluate, RefusesAnswersOfAnotherSize) {
  Graph graph = small_classifier();
  graph.outputs[0] = {"f", ElementType::float32, {}};
  graph.nodes.pop_back();
  EXPECT_THROW((void)evaluate(Network(graph), data, Part::test), Error);
  EXPECT_THROW((void)evaluate(Network(small_classifier()), data, Part::train), Error);
}

}  // namespace
}  // namespace laconic
