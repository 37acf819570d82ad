// Sequences with a label for each character: training, quantizing gate by gate, the file.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "errors.h"
#include "laconic/importance.h"
#include "laconic/methods.h"
#include "laconic/model.h"
#include "laconic/onnx.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class CharLstm : public testing::Test {
 protected:
  /// Each "a" or "b" is answered after two dots: what comes next needs a memory.
  CharLstm() {
    std::ofstream file(path_);
    Random random(1, "text");
    for (int i = 0; i < 1500; ++i) file << (random.below(2) == 0 ? "a..b" : "c..d");
    file.close();
    data_ = make_dataset("text:" + path_.string() + ",steps=16");
    options_.epochs = 12;
    options_.batch = 10;
    options_.optimizer = "adam:lr=0.03";
    options_.clip_gradients = 1;
  }

  [[nodiscard]] Network network() const {
    return Network(make_network("char_lstm:units=12", data_->sample_shape(), data_->classes(), 1));
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path("text");
  std::unique_ptr<Dataset> data_;
  TrainOptions options_;
};

TEST_F(CharLstm, RemembersAndReportsCrossEntropyPerCharacter) {
  Network net = network();
  const double before = evaluate(net, *data_, Part::test).loss;
  EXPECT_NEAR(before, std::log(5), 0.1);
  const auto report = train(net, *data_, options_);
  // One of four characters is a coin's throw, the others follow from what came before.
  const auto score = evaluate(net, *data_, Part::test);
  EXPECT_NEAR(score.loss, std::log(2) / 4, 0.1);
  EXPECT_NEAR(score.accuracy, 7.0 / 8, 0.08);
  EXPECT_NEAR(report.epochs.back().loss, std::log(2) / 4, 0.1);
}

TEST_F(CharLstm, GatesHaveScalesOfTheirOwnAndTheFileIsWorthWhatTrainingSaid) {
  Network net = network();
  const auto method =
      make_method("projected:clip=1", {plan_weights(net.graph(), "scaled:pattern=ternary"), {}});
  options_.epochs = 2;
  options_.method = method.get();
  const auto report = train(net, *data_, options_);
  CompressedNetwork compressed{net.graph(), method->finish(net), {}};
  for (const auto& info : net.parameters()) compressed.graph.constants.erase(info.name);
  for (const auto* name : {"lstm.weight_ih", "lstm.weight_hh"}) {
    const auto& tensor = std::get<QuantizedTensor>(compressed.tensors.at(name).tensor);
    ASSERT_THAT(tensor.codebooks, SizeIs(4)) << name;
    EXPECT_FALSE(tensor.codebooks[0] == tensor.codebooks[1]);
  }
  for (const auto* name : {"lstm.bias", "output.weight", "output.bias"}) {
    EXPECT_TRUE(std::holds_alternative<DenseTensor>(compressed.tensors.at(name).tensor)) << name;
  }
  const auto file = folder_.path("x.lac");
  (void)save(compressed, file);
  const auto graph = to_graph(load(file));
  const auto score = evaluate(Network(graph), *data_, Part::validation);
  EXPECT_EQ(score.loss, report.epochs.back().validation->loss);
  EXPECT_EQ(score.accuracy, report.epochs.back().validation->accuracy);
  write_onnx(graph, folder_.path("x.onnx"));
  const auto exported = read_onnx(folder_.path("x.onnx"));
  EXPECT_TRUE(std::ranges::any_of(exported.nodes, [](const Node& n) { return n.op == "LSTM"; }));
  EXPECT_EQ(evaluate(Network(exported), *data_, Part::validation).loss, score.loss);
}

TEST_F(CharLstm, ThreadsDoNotChangeTraining) {
  options_.epochs = 1;
  std::vector<at::Tensor> weights;
  for (const int count : {1, 3}) {
    set_threads(count);
    Network net = network();
    (void)train(net, *data_, options_);
    weights.push_back(net.parameter("lstm.weight_hh").detach().clone());
  }
  set_threads(0);
  EXPECT_TRUE(weights[0].equal(weights[1]));
}

TEST_F(CharLstm, ImportanceOfManyLabelsIsRefused) {
  const Network net = network();
  const auto estimator = make_estimator("fisher");
  EXPECT_THAT(error_of([&] { (void)estimator->estimate(net, *data_); }, ErrorCode::invalid_data),
              HasSubstr("have 16 labels each"));
}

}  // namespace
}  // namespace laconic
