// Training, quantizing and running a detector, on drawings that a narrow one learns in seconds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "errors.h"
#include "laconic/compress.h"
#include "laconic/evaluate_detections.h"
#include "laconic/importance.h"
#include "laconic/methods.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "temporary_folder.h"
#include "train/detection/detector_loss.h"

namespace laconic {
namespace {

using testing::HasSubstr;

/// Red rectangles and blue discs on a gray ground.
class Drawings {
 public:
  Drawings() {
    std::string names;
    for (int i = 0; i < 24; ++i) {
      draw(i);
      names += fmt::format("{}\n", i);
    }
    for (const char* const list : {"train", "val", "test"})
      write(fmt::format("ImageSets/Main/{}.txt", list), names);
    data_ = make_dataset("voc:" + folder_.path() + ",height=64,width=96,jitter=0,mean=0.5");
  }

  [[nodiscard]] const DetectionDataset& data() const { return *as_detection(*data_); }

  [[nodiscard]] Graph network() const {
    Graph graph = make_network("rfcn-small:width=4,sizes=16/32,ratios=1", {3, 64, 96}, 2, 1);
    graph.name = data().with_form(detector_form(graph)).spec();
    return graph;
  }

 private:
  void write(const std::string& name, std::string_view text) const {
    folder_.write(name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }

  void draw(int number) const {
    Random random(static_cast<std::uint64_t>(number), "drawing");
    cv::Mat image(64, 96, CV_8UC3, cv::Scalar(120, 120, 120));
    std::string objects;
    for (int side = 0; side < 2; ++side) {
      const int size = 14 + static_cast<int>(random.below(16));
      const int x = 48 * side + static_cast<int>(random.below(48 - size));
      const int y = static_cast<int>(random.below(64 - size));
      const bool disc = random.below(2) == 1;
      if (disc) {
        cv::circle(image, {x + size / 2, y + size / 2}, size / 2, cv::Scalar(220, 30, 30),
                   cv::FILLED);
      } else {
        cv::rectangle(image, cv::Rect(x, y, size, size), cv::Scalar(30, 30, 220), cv::FILLED);
      }
      objects += fmt::format(
          "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
          "<ymax>{}</ymax></bndbox></object>",
          disc ? "disc" : "square", x + 1, y + 1, x + size, y + size);
    }
    std::vector<unsigned char> bytes;
    cv::imencode(".jpg", image, bytes);
    folder_.write(fmt::format("JPEGImages/{}.jpg", number), bytes);
    write(fmt::format("Annotations/{}.xml", number), "<annotation>" + objects + "</annotation>");
  }

  TemporaryFolder folder_;
  std::unique_ptr<Dataset> data_;
};

const Drawings& drawings() {
  static const Drawings drawings;
  return drawings;
}

TrainOptions options_for(std::int64_t epochs) {
  TrainOptions options;
  options.epochs = epochs;
  options.batch = 4;
  options.optimizer = "adam:lr=0.01";
  return options;
}

Network trained(std::int64_t epochs) {
  Network network(drawings().network());
  (void)train(network, drawings().data(), options_for(epochs));
  return network;
}

TEST(DetectionTraining, LearnsDrawings) {
  const Network network = trained(25);
  const auto found = evaluate_detections(network, drawings().data(), Part::test);
  EXPECT_GT(found.score.map50, 0.8);
  const auto score = evaluate(network, drawings().data(), Part::test);
  EXPECT_EQ(score.accuracy, found.score.map50);
  EXPECT_EQ(score.samples, 24);
}

TEST(DetectionTraining, ResidualBackbonesLearn) {
  Graph graph =
      make_network("rfcn-resnet18:width=4,bins=3,sizes=16/32,ratios=1", {3, 64, 96}, 2, 1);
  graph.name = drawings().data().with_form(detector_form(graph)).spec();
  Network network(graph);
  const auto report = train(network, drawings().data(), options_for(6));
  EXPECT_LT(report.epochs.back().loss, 0.7 * report.epochs.front().loss);
}

TEST(DetectionTraining, DoesNotDependOnThreads) {
  const auto run = [](int count) {
    set_threads(count);
    Network network(drawings().network());
    auto options = options_for(1);
    options.hard_examples = true;
    (void)train(network, drawings().data(), options);
    set_threads(0);
    return network.to_graph();
  };
  EXPECT_EQ(run(1), run(2));
}

/// In a parameter that the choice of targets does not depend on.
TEST(DetectionTraining, GradientsReachTheParameters) {
  Network network(drawings().network());
  const auto& data = drawings().data();
  const std::vector<std::int64_t> indices{0, 1};
  std::vector<std::int64_t> labels(2);
  const auto x = at::empty({2, 3, 64, 96});
  data.read(Part::train, indices, {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())},
            labels);
  const auto form = detector_form(network.graph());
  const auto loss = [&] {
    return detector_loss(form, {data, Part::train, indices}, network.run(std::vector{x}));
  };
  const auto first = loss();
  first.backward();
  auto& bias = network.parameter("boxes.bias");
  const auto slope = bias.grad()[0].item<double>();
  const at::NoGradGuard no_gradients;
  bias[0] += 0x1p-8;
  const double up = loss().item<double>();
  bias[0] -= 0x1p-7;
  const double down = loss().item<double>();
  EXPECT_NE(slope, 0);
  EXPECT_NEAR(slope, (up - down) * 0x1p7, 1e-3);
}

TEST(DetectionQuantizing, AFileFindsWhatTrainingFound) {
  Network network = trained(25);
  const auto method =
      make_method("projected",
                  {plan_weights(network.graph(), "scaled:pattern=powers,bits=5,scale=power_of_two"),
                   {},
                   &drawings().data()});
  auto options = options_for(2);
  options.optimizer = "adam:lr=0.001";
  options.method = method.get();
  const auto report = train(network, drawings().data(), options);
  CompressedNetwork compressed{network.graph(), method->finish(network), {}};
  for (const auto& info : network.parameters()) compressed.graph.constants.erase(info.name);
  const TemporaryFolder folder;
  save(compressed, folder.path("x.lac"));
  const auto loaded = load(folder.path("x.lac"));
  EXPECT_EQ(loaded.graph.name, network.graph().name);

  const Graph graph = to_graph(loaded);
  const auto whole = evaluate_detections(Network(graph), drawings().data(), Part::validation);
  EXPECT_NEAR(whole.score.map50, report.epochs.back().validation->accuracy, 0.002);
  Session session = Session::open(folder.path("x.lac"), {.kernels = LayerKernels::packed});
  const auto packed =
      evaluate_detections(session, detector_form(graph), drawings().data(), Part::validation);
  EXPECT_NEAR(packed.score.map50, whole.score.map50, 0.002);
  EXPECT_GT(packed.score.map50, 0.7);
}

TEST(DetectionQuantizing, CurvatureIsThatOfTheDetectionLoss) {
  const Network network(drawings().network());
  const auto estimate =
      make_estimator("adam:samples=8,batch=1,power=1")->estimate(network, drawings().data());
  for (const char* const name :
       {"conv1.weight", "objectness.weight", "classes.weight", "boxes.weight"}) {
    const auto& values = estimate.values.at(name);
    EXPECT_GT(std::accumulate(values.begin(), values.end(), 0.0), 0) << name;
  }
  for (const char* const name : {"hessian", "fisher", "gauss_newton"}) {
    EXPECT_THAT(error_of([&] { (void)make_estimator(name)->estimate(network, drawings().data()); },
                         ErrorCode::invalid_argument),
                HasSubstr("there is adam"));
  }
}

TEST(DetectionQuantizing, CompressKeepsWithinABudgetOfPrecision) {
  CompressOptions options;
  options.budget.max_drop = 10;
  options.epochs = 0;
  options.samples = 16;
  const auto result = compress(trained(5).to_graph(), drawings().data(), options);
  EXPECT_GT(result.ratio, 4);
  EXPECT_GE(result.after.accuracy, result.before.accuracy - 0.1);
  EXPECT_TRUE(is_detector(result.network.graph));
}

TEST(DetectionFits, SaysWhatDoesNot) {
  const auto& data = drawings().data();
  const auto message = [&](Graph graph) { return error_of([&] { check_fits(graph, data); }); };
  Graph graph = drawings().network();
  EXPECT_EQ(message(graph), "no error");
  EXPECT_THAT(message(make_network("resnet20", {3, 64, 96}, 2, 1)), HasSubstr("is no detector"));
  EXPECT_THAT(message(make_network("rfcn-small", {3, 64, 96}, 2, 1)),
              HasSubstr("knows the classes 1, 2; the data have disc, square"));
  graph.inputs[0].shape[2] = 128;
  EXPECT_THAT(message(graph), HasSubstr("images of 3x128x96, samples are 3x64x96"));
}

}  // namespace
}  // namespace laconic
