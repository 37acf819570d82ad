// The program on a detector: trained, quantized, evaluated, run on a photograph and timed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "started_processes.h"
#include "voc_folder.h"

namespace laconic {
namespace {

using testing::AnyOf;

class DetectorProgram : public testing::Test, protected VocFolder {
 protected:
  /// What the program prints; it must end well.
  [[nodiscard]] std::string printed(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), LACONIC_PROGRAM);
    Started program(arguments, {}, folder.path("log"));
    EXPECT_TRUE(wait_until([&] { return !program.running(); }, std::chrono::seconds(200)));
    EXPECT_EQ(program.status(), 0) << program.said();
    return program.printed();
  }
  [[nodiscard]] nlohmann::json json(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--json", "-q"});
    return nlohmann::json::parse(printed(std::move(arguments)));
  }

  /// A detector of a width that trains in no time, quantized as it does so.
  [[nodiscard]] nlohmann::json train() const {
    return json({"train", "rfcn-small:width=4,sizes=16/32,ratios=1", "--data", spec(), "--epochs",
                 "1", "--batch", "2", "--method", "projected", "--quantizer",
                 "scaled:pattern=powers,bits=4,scale=power_of_two", "-o", file});
  }

  const std::string file = folder.path("ants.lac");
  const std::string photograph = folder.path("JPEGImages/3.jpg");
};

TEST_F(DetectorProgram, FindsWhatEvaluationCounts) {
  const auto trained = train();
  EXPECT_EQ(trained["bytes"], std::filesystem::file_size(file));
  EXPECT_EQ(json({"eval", file, "--data", spec()})["map50"], trained["accuracy"]);
}

TEST_F(DetectorProgram, DrawsAndListsBoxesWithinThePhotograph) {
  (void)train();
  const auto drawing = folder.path("found.png"), list = folder.path("found.json");
  const auto run = json(
      {"run", file, "--image", photograph, "--least-score", "0", "--draw", drawing, "-o", list});
  ASSERT_FALSE(run["detections"].empty());
  for (const auto& found : run["detections"]) {
    EXPECT_THAT(found["class"], AnyOf("ant", "bee"));
    EXPECT_LE(0, found["box"][0]);
    EXPECT_LE(found["box"][0], found["box"][2]);
    EXPECT_LE(found["box"][2], 80);
    EXPECT_LE(found["box"][3], 40);
  }
  EXPECT_EQ(nlohmann::json::parse(read_file(list))["detections"], run["detections"]);
  const auto drawn = cv::imread(drawing);
  EXPECT_EQ(drawn.rows, 40);
  EXPECT_EQ(drawn.cols, 80);
}

TEST_F(DetectorProgram, TimesWhatLiesBetweenFileAndBoxes) {
  (void)train();
  const auto bench = json({"bench", file, "--image", photograph, "--seconds", "0.05"})["images"];
  EXPECT_EQ(bench["image"], photograph);
  EXPECT_GE(bench["runs"], 1);
  double parts = 0;
  for (const auto* part : {"read_ms", "network_ms", "boxes_ms"}) {
    EXPECT_GT(bench[part]["least"], 0) << part;
    EXPECT_LE(bench[part]["least"], bench[part]["median"]) << part;
    parts += bench[part]["least"].get<double>();
  }
  EXPECT_LE(parts, bench["end_to_end_ms"]["least"]);
}

}  // namespace
}  // namespace laconic
