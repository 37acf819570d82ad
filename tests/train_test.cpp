// The training loop: what it learns, that equal seeds give equal bytes, checkpoints, hooks.

#include "laconic/train.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "errors.h"
#include "laconic/optimizer.h"
#include "laconic/threads.h"
#include "network_graphs.h"
#include "temporary_folder.h"
#include "toy_data.h"
#include "train/checkpoint.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// The small classifier with dropout before its last layer.
Graph network_with_dropout() {
  Graph graph = small_classifier();
  graph.nodes.insert(graph.nodes.end() - 1, node("Dropout", {"f"}, {"d"}));
  graph.nodes.back().inputs[0] = "d";
  graph.opset = 11;
  return graph;
}

Constant small_floats(const Shape& shape, std::uint64_t seed) {
  const at::Tensor values = random_tensor(shape, seed) * 0.1;
  return to_constant(values);
}

/// Two dense layers, batch normalisation between them.
Graph dense_classifier() {
  Graph graph = small_classifier();
  graph.nodes = {node("Flatten", {"x"}, {"f"}),
                 node("Gemm", {"f", "w1"}, {"a"}, {{"transB", std::int64_t{1}}}),
                 node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, {"n"}),
                 node("Relu", {"n"}, {"r"}),
                 node("Gemm", {"r", "w2", "b2"}, {"y"}, {{"transB", std::int64_t{1}}})};
  graph.constants = {{"w1", small_floats({16, 72}, 1)},
                     {"scale", floats({16}, std::vector(16, 1.0f))},
                     {"shift", floats({16}, std::vector(16, 0.0f))},
                     {"mean", floats({16}, std::vector(16, 0.0f))},
                     {"variance", floats({16}, std::vector(16, 1.0f))},
                     {"w2", small_floats({3, 16}, 2)},
                     {"b2", small_floats({3}, 3)}};
  return graph;
}

class Train : public testing::Test {
 protected:
  ~Train() override {
    clear_interrupt();
    set_threads(0);
  }

  static TrainOptions options() {
    TrainOptions options;
    options.epochs = 3;
    options.batch = 50;
    options.optimizer = "sgd:lr=0.05";
    options.weight_decay = 1e-3;
    options.seed = 9;
    return options;
  }

  TrainOptions options_in_folder(Existing existing = Existing::refuse) const {
    auto out = options();
    out.checkpoint = folder.path("run");
    out.existing = existing;
    return out;
  }

  /// Trains until an interruption after so many samples.
  void interrupt_after(std::int64_t samples, TrainOptions with) {
    ToyData broken_off(shape, 3, 200);
    broken_off.interrupt_after(samples);
    Network network(network_with_dropout());
    const auto message =
        error_of([&] { (void)train(network, broken_off, with); }, ErrorCode::interrupted);
    EXPECT_THAT(message, HasSubstr("checkpoint"));
    clear_interrupt();
  }

  std::string message_of(ErrorCode code, const TrainOptions& with) {
    Network network(network_with_dropout());
    return error_of([&] { (void)train(network, data, with); }, code);
  }

  const Shape shape{2, 6, 6};
  ToyData data{shape, 3, 200};
  TemporaryFolder folder;
};

TEST_F(Train, LearnsASeparableProblem) {
  Network network(dense_classifier());
  auto with = options();
  with.epochs = 10;
  const auto report = train(network, data, with);
  EXPECT_EQ(report.steps, 40);
  ASSERT_EQ(report.epochs.size(), 10u);
  EXPECT_LT(report.epochs.back().loss, report.epochs.front().loss);
  EXPECT_EQ(report.epochs.back().validation->accuracy, 1);
  EXPECT_EQ(evaluate(network, data, Part::test).accuracy, 1);
  EXPECT_EQ(evaluate(network, data, Part::train).accuracy, 1);
}

TEST_F(Train, LearnsWithAdamAndSquareHinge) {
  Network network(dense_classifier());
  auto with = options();
  with.epochs = 10;
  with.optimizer = "adam:lr=0.01";
  with.loss = Loss::square_hinge;
  const auto report = train(network, data, with);
  EXPECT_EQ(evaluate(network, data, Part::test).accuracy, 1);
  EXPECT_EQ(report.second_moments.size(), 5u);
  EXPECT_EQ(report.second_moments.find("w1")->second.size(), 1152u);
}

TEST_F(Train, GivesEqualBytesForEqualSeedsAndAnyThreads) {
  const auto trained = [&](int count, std::uint64_t seed) {
    set_threads(count);
    Network network(network_with_dropout());
    auto with = options();
    with.seed = seed;
    (void)train(network, data, with);
    return network.to_graph();
  };
  const auto one = trained(1, 9);
  EXPECT_EQ(one, trained(1, 9));
  EXPECT_EQ(one, trained(2, 9));
  EXPECT_EQ(one, trained(5, 9));
  EXPECT_NE(one, trained(1, 10));
}

TEST_F(Train, ClipsGradients) {
  Network network(dense_classifier());
  auto with = options();
  with.epochs = 1;
  with.batch = 200;  // One step.
  with.optimizer = "sgd:lr=1,momentum=0";
  with.schedule = "constant";
  with.weight_decay = 0;
  with.clip_gradients = 1e-3;
  const Graph before = network.to_graph();
  (void)train(network, data, with);
  const Graph after = network.to_graph();
  float largest = 0;
  const auto old = before.constants.find("w1")->second.floats();
  const auto now = after.constants.find("w1")->second.floats();
  for (std::size_t i = 0; i < old.size(); ++i)
    largest = std::max(largest, std::abs(now[i] - old[i]));
  EXPECT_NEAR(largest, 1e-3f, 1e-6f);
  with.clip_gradients = -1;
  EXPECT_THAT(message_of(ErrorCode::invalid_argument, with), HasSubstr("-1"));
}

TEST_F(Train, LeavesOtherParametersAlone) {
  Network network(small_classifier());
  auto with = options();
  with.training_mode = false;
  with.trains = [](const ParameterInfo& info) { return info.role == Role::bias; };
  (void)train(network, data, with);
  const Graph before = small_classifier(), after = network.to_graph();
  for (const auto& [name, constant] : before.constants) {
    EXPECT_EQ(after.constants.find(name)->second == constant, name != "b1" && name != "b3") << name;
  }
}

/// Keeps the weights of one tensor as they are, counts its calls, and must survive interruptions.
class FreezingMethod : public Method {
 public:
  void begin(Network& network) override { frozen_ = network.parameter("w2").detach().clone(); }
  void before_forward(Network&, const Progress& at) override {
    calls += 'f';
    EXPECT_EQ(at.total_steps, 12);
    EXPECT_EQ(at.epoch, at.step / 4);
  }
  void after_backward(Network& network, const Progress&) override {
    calls += 'b';
    EXPECT_TRUE(network.parameter("w1").grad().defined());
  }
  void after_update(Network& network, const Progress& at) override {
    calls += 'u';
    EXPECT_NE(at.optimizer, nullptr);
    const at::NoGradGuard no_gradients;
    network.parameter("w2").copy_(frozen_);
    // Something that only a stored state can reproduce.
    count_ += 1;
    network.parameter("b3").add_(0.001f * count_);
  }
  void before_evaluation(Network&) override { calls += '('; }
  void after_evaluation(Network&) override { calls += ')'; }
  MethodState state() const override { return {{"count", DenseTensor{{1}, {count_}}}}; }
  void restore(const MethodState& state) override {
    count_ = state.find("count")->second.values[0];
  }
  QuantizedModel finish(Network&) override { return {}; }
  std::string spec() const override { return "freezing"; }

  std::string calls;

 private:
  at::Tensor frozen_;
  float count_ = 0;
};

TEST_F(Train, CallsAMethod) {
  Network network(small_classifier());
  FreezingMethod method;
  auto with = options();
  with.method = &method;
  (void)train(network, data, with);
  EXPECT_EQ(method.calls, "fbufbufbufbu()fbufbufbufbu()fbufbufbufbu()");
  EXPECT_EQ(network.to_graph().constants.find("w2")->second,
            small_classifier().constants.find("w2")->second);
}

TEST_F(Train, GoesOnToTheSameBytes) {
  for (const std::string_view optimizer : {"sgd:lr=0.05", "adam:lr=0.01"}) {
    for (const std::int64_t samples : {1, 200, 430, 600}) {
      auto with = options_in_folder(Existing::replace);
      with.optimizer = optimizer;
      FreezingMethod first, second, whole;
      Network network(network_with_dropout()), expected(network_with_dropout());
      with.method = &whole;
      const auto report = train(expected, data, with);
      with.method = &first;
      interrupt_after(samples, with);
      with.method = &second;
      with.existing = Existing::resume;
      const auto resumed = train(network, data, with);
      EXPECT_EQ(network.to_graph(), expected.to_graph()) << optimizer << " " << samples;
      EXPECT_GT(resumed.resumed_at, 0);
      ASSERT_EQ(resumed.epochs.size(), 3u);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(resumed.epochs[i].loss, report.epochs[i].loss);
        EXPECT_EQ(resumed.epochs[i].validation->accuracy, report.epochs[i].validation->accuracy);
      }
    }
  }
}

TEST_F(Train, ResumesWhatIsFinishedAndWhatNeverBegan) {
  Network first(small_classifier()), second(small_classifier());
  EXPECT_EQ(train(first, data, options_in_folder(Existing::resume)).resumed_at, 0);
  EXPECT_EQ(train(second, data, options_in_folder(Existing::resume)).resumed_at, 12);
  EXPECT_EQ(first.to_graph(), second.to_graph());
}

TEST_F(Train, RefusesAnotherRunsCheckpoint) {
  interrupt_after(100, options_in_folder());
  EXPECT_THAT(message_of(ErrorCode::cannot_write, options_in_folder()), HasSubstr("earlier run"));
  const auto refused = [&](auto change) {
    auto with = options_in_folder(Existing::resume);
    change(with);
    return message_of(ErrorCode::invalid_argument, with);
  };
  EXPECT_THAT(refused([](auto& o) { o.epochs = 4; }),
              HasSubstr("its epochs is \"3\", this run's is \"4\""));
  EXPECT_THAT(refused([](auto& o) { o.optimizer = "adam"; }), HasSubstr("optimizer"));
  EXPECT_THAT(refused([](auto& o) { o.schedule = "constant"; }), HasSubstr("schedule"));
  EXPECT_THAT(refused([](auto& o) { o.seed = 1; }), HasSubstr("seed"));
  EXPECT_THAT(refused([](auto& o) { o.weight_decay = 0; }), HasSubstr("weight decay"));
  EXPECT_THAT(refused([](auto& o) { o.training_mode = false; }), HasSubstr("training mode"));
  Network other(small_classifier());
  EXPECT_THROW((void)train(other, data, options_in_folder(Existing::resume)), Error);
}

TEST_F(Train, RefusesACheckpointOfOtherImportances) {
  Network network(small_classifier());
  const auto with = [&](float importance, Existing existing) {
    auto options = options_in_folder(existing);
    options.pruning = "importance:keep=0.5";
    for (const auto& info : network.parameters()) {
      const auto size = static_cast<std::size_t>(network.parameter(info.name).numel());
      if (info.role == Role::weight) options.importance[info.name].assign(size, importance);
    }
    return options;
  };
  interrupt_after(100, with(1, Existing::refuse));
  EXPECT_THAT(message_of(ErrorCode::invalid_argument, with(2, Existing::resume)),
              HasSubstr("importance"));
}

TEST_F(Train, DamagedCheckpoint) {
  interrupt_after(100, options_in_folder());
  const auto path = checkpoint_path(folder.path("run"));
  const auto bytes = read_file(path);
  const auto with = options_in_folder(Existing::resume);
  const auto stride = bytes.size() / 60;
  for (std::size_t at = 0; at < bytes.size(); at += stride) {
    auto damaged = bytes;
    damaged[at] ^= std::byte{1};
    write_file(path, damaged);
    EXPECT_THAT(message_of(ErrorCode::corrupt_data, with), HasSubstr("checkpoint")) << at;
    write_file(path, std::span(bytes).first(at));
    EXPECT_THAT(message_of(ErrorCode::corrupt_data, with), HasSubstr("checkpoint")) << at;
  }
}

TEST_F(Train, CheckpointWithForgedChecksum) {
  interrupt_after(100, options_in_folder());
  const auto path = checkpoint_path(folder.path("run"));
  const auto with = options_in_folder(Existing::resume);
  const auto forged = [&](auto change) {
    auto checkpoint = read_checkpoint(path);
    change(checkpoint);
    write_checkpoint(folder.path("forged"), checkpoint);
    const auto bytes = read_file(folder.path("forged"));
    const auto kept = read_file(path);
    write_file(path, bytes);
    const auto message = message_of(ErrorCode::corrupt_data, with);
    write_file(path, kept);
    return message;
  };
  EXPECT_THAT(forged([](auto& c) { c.progress.erase("step"); }), HasSubstr("step"));
  EXPECT_THAT(forged([](auto& c) { c.progress["step"] = "-3"; }), HasSubstr("step"));
  EXPECT_THAT(forged([](auto& c) { c.progress["step"] = "1000"; }), HasSubstr("end"));
  EXPECT_THAT(forged([](auto& c) { c.progress["epochs"] = "x"; }), HasSubstr("epochs"));
  EXPECT_THAT(forged([](auto& c) { c.tensors.erase("parameter/w1"); }), HasSubstr("w1"));
  EXPECT_THAT(forged([](auto& c) { c.tensors["parameter/w1"] = {{1}, {1}}; }), HasSubstr("w1"));
  EXPECT_THAT(forged([](auto& c) { c.tensors.erase("optimizer/w1/momentum"); }),
              HasSubstr("w1/momentum"));
}

TEST_F(Train, NoFolderForCheckpoints) {
  folder.write("run", std::vector<std::uint8_t>{1});
  EXPECT_THAT(message_of(ErrorCode::cannot_write, options_in_folder()), HasSubstr("run"));
}

TEST_F(Train, SaysThatItDiverged) {
  auto with = options_in_folder();
  with.optimizer = "sgd:lr=1e30";
  EXPECT_THAT(message_of(ErrorCode::diverged, with),
              AllOf(HasSubstr("step"), HasSubstr("lower learning rate")));
  with.optimizer = "adam:lr=1e38";  // Beyond floats once Adam has corrected its mean.
  with.checkpoint = folder.path("none yet");
  EXPECT_THAT(message_of(ErrorCode::diverged, with),
              AllOf(HasSubstr("step 1 of"), Not(HasSubstr("as last written"))));
}

TEST_F(Train, ChecksItsOptions) {
  const auto refused = [&](auto change) {
    auto with = options();
    change(with);
    return message_of(ErrorCode::invalid_argument, with);
  };
  EXPECT_THAT(refused([](auto& o) { o.epochs = 0; }), HasSubstr("epochs is 0"));
  EXPECT_THAT(refused([](auto& o) { o.batch = 0; }), HasSubstr("batch is 0"));
  EXPECT_THAT(refused([](auto& o) { o.weight_decay = -1; }), HasSubstr("-1"));
  EXPECT_THAT(refused([](auto& o) { o.optimizer = "sdg"; }), HasSubstr("sgd"));
  EXPECT_THAT(refused([](auto& o) { o.schedule = "cosin"; }), HasSubstr("cosine"));
}

TEST_F(Train, NeedsDataThatFit) {
  Network network(small_classifier());
  EXPECT_THROW((void)train(network, ToyData({2, 5, 5}, 3, 20), options()), Error);
  EXPECT_THROW((void)train(network, ToyData({2, 6, 6}, 4, 20), options()), Error);
}

TEST_F(Train, TellsHowItGoes) {
  std::vector<std::string> lasting;
  std::int64_t total = 0;
  Network network(small_classifier());
  (void)train(network, data, options(), [&](const ProgressEvent& event) {
    EXPECT_EQ(event.stage, "train");
    total = event.total;
    if (event.lasting) lasting.push_back(event.message);
  });
  EXPECT_EQ(total, 600);
  ASSERT_EQ(lasting.size(), 3u);
  EXPECT_THAT(lasting[2], AllOf(HasSubstr("epoch 3 of 3"), HasSubstr("validation")));
}

TEST_F(Train, LearnsFromATeacher) {
  Network teacher(dense_classifier()), student(dense_classifier());
  auto with = options();
  with.epochs = 10;
  (void)train(teacher, data, with);
  with.distillation = {&teacher, 2, 1};
  (void)train(student, data, with);
  EXPECT_EQ(evaluate(student, data, Part::test).accuracy, 1);
}

TEST_F(Train, LearnsFromATeacherWhatMixturesAre) {
  Network teacher(dense_classifier());
  auto with = options();
  with.epochs = 10;
  (void)train(teacher, data, with);
  for (const double mix : {0.5, 1.0}) {
    with.distillation = {&teacher, 2, 0.9, mix};
    Network student(dense_classifier()), again(dense_classifier());
    set_threads(1);
    const auto report = train(student, data, with);
    EXPECT_EQ(evaluate(student, data, Part::test).accuracy, 1) << mix;
    // The teacher's own answers count as right.
    EXPECT_GT(report.epochs.back().accuracy, 0.9) << mix;
    set_threads(2);
    (void)train(again, data, with);
    EXPECT_TRUE(again.parameter("w1").equal(student.parameter("w1"))) << mix;
  }
}

}  // namespace
}  // namespace laconic
