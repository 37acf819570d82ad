// Several processes on the loopback address: the results of one, and no hang however they end.

#include "laconic/processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>

#include "core/npy.h"
#include "errors.h"
#include "laconic/random.h"
#include "started_processes.h"

namespace laconic {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

/// Variables of the environment, put back at the end.
class Variables {
 public:
  explicit Variables(const std::map<std::string, std::string>& values) {
    for (const char* name : names) ::unsetenv(name);
    for (const auto& [name, value] : values) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const char* name : names) ::unsetenv(name);
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  static constexpr auto names = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"};
};

std::string refused(const std::map<std::string, std::string>& values) {
  const Variables variables(values);
  return error_of([] { (void)place_from_environment(); }, ErrorCode::invalid_argument);
}

TEST(Environment, NamesAPlace) {
  {
    const Variables nobody({{"MASTER_ADDR", "node7"}, {"MASTER_PORT", "none"}});
    EXPECT_EQ(place_from_environment().size, 1);
  }
  const Variables variables(
      {{"RANK", "2"}, {"WORLD_SIZE", "3"}, {"MASTER_ADDR", "node7"}, {"MASTER_PORT", "29500"}});
  const auto place = place_from_environment();
  EXPECT_EQ(place.rank, 2);
  EXPECT_EQ(place.size, 3);
  EXPECT_EQ(place.address, "node7");
  EXPECT_EQ(place.port, 29500);
  EXPECT_FALSE(place.hosted);
}

TEST(Environment, NamesWhatIsMissingOrWrong) {
  EXPECT_THAT(refused({{"RANK", "0"}}), HasSubstr("has no WORLD_SIZE"));
  EXPECT_THAT(refused({{"WORLD_SIZE", "2"}}), HasSubstr("has no RANK"));
  EXPECT_THAT(refused({{"RANK", "one"}, {"WORLD_SIZE", "2"}}), HasSubstr("RANK is \"one\""));
  EXPECT_THAT(refused({{"RANK", "0"}, {"WORLD_SIZE", "0"}}), HasSubstr("from 1 to 65536"));
  EXPECT_THAT(refused({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), HasSubstr("below its WORLD_SIZE, 2"));
  EXPECT_THAT(refused({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), HasSubstr("has no MASTER_ADDR"));
  std::map<std::string, std::string> values{
      {"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "localhost"}};
  EXPECT_THAT(refused(values), HasSubstr("has no MASTER_PORT"));
  values["MASTER_PORT"] = "70000";
  EXPECT_THAT(refused(values), HasSubstr("MASTER_PORT is \"70000\", but must be a whole number"));
}

TEST(Alone, WorksWithoutAConnection) {
  int calls = 0;
  run_together({}, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

#ifdef LACONIC_C10D

class Processes : public ::testing::Test {
 protected:
  Processes() {
    Random random(5, "data");
    std::vector<float> x;
    for (std::int64_t i = 0; i < samples; ++i) {
      for (int j = 0; j < 3 * 8 * 8; ++j)
        x.push_back(static_cast<float>(random.normal() + (j % classes == i % classes)));
    }
    write_npy(folder.path("x.npy"), {samples, 3, 8, 8}, x);
    const std::string header =
        fmt::format("{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}", samples);
    std::string y("\x93NUMPY\x01\x00", 8);
    y += {static_cast<char>(header.size()), '\0'};
    y += header;
    for (std::int64_t i = 0; i < samples; ++i) y += static_cast<char>(i % classes);
    folder.write("y.npy", {reinterpret_cast<const std::uint8_t*>(y.data()), y.size()});
  }

  std::string path(std::string_view name) const { return folder.path(name); }

  std::vector<std::string> command(std::vector<std::string> words, int threads = 1) const {
    words.insert(words.begin(), LACONIC_PROGRAM);
    words.insert(words.end(), {"--threads", std::to_string(threads), "--data",
                               fmt::format("npy:x={},y={}", path("x.npy"), path("y.npy"))});
    return words;
  }

  std::vector<std::string> train(const std::string& output, int epochs, int threads = 1) const {
    return command({"train", "resnet20:width=4", "--batch", "100", "--epochs",
                    std::to_string(epochs), "-o", path(output)},
                   threads);
  }

  /// Starts one more of `size`, with the next rank.
  Started& start(int size, const std::vector<std::string>& arguments) {
    const auto rank = std::ssize(started);
    return started.emplace_back(
        arguments,
        std::vector{fmt::format("RANK={}", rank), fmt::format("WORLD_SIZE={}", size),
                    std::string("MASTER_ADDR=127.0.0.1"), fmt::format("MASTER_PORT={}", port)},
        path(fmt::format("said{}", rank)));
  }

  /// Starts all that are to come, and waits for their end.
  void run(int size, const std::vector<std::string>& arguments) {
    begin();
    for (int rank = 0; rank < size; ++rank) start(size, arguments);
    expect_end(0);
  }

  void begin() {
    started.clear();
    port = free_port();
  }

  void expect_end(int status, std::chrono::seconds limit = 60s) {
    for (auto& one : started) {
      EXPECT_TRUE(wait_until([&] { return !one.running(); }, limit)) << one.said();
      EXPECT_EQ(one.status(), status) << one.said();
    }
  }

  /// Waits for the first process to say so.
  void wait_to_hear(const std::string& words) {
    ASSERT_TRUE(wait_until(
        [&] { return !started[0].running() || started[0].said().find(words) != std::string::npos; },
        60s));
    ASSERT_TRUE(started[0].running()) << started[0].said();
  }

  void run_alone(const std::vector<std::string>& arguments) {
    started.clear();
    started.emplace_back(arguments, std::vector<std::string>{}, path("said0"));
    expect_end(0);
  }

  static constexpr std::int64_t samples = 250, classes = 3;
  TemporaryFolder folder;
  std::deque<Started> started;
  int port = 0;
};

TEST_F(Processes, TrainEvaluateAndCompressAsOne) {
  run_alone(train("one.onnx", 2, 2));
  run(2, train("two.onnx", 2));
  run(3, train("three.onnx", 2, 2));
  const auto one = read_file(path("one.onnx"));
  EXPECT_EQ(read_file(path("two.onnx")), one);
  EXPECT_EQ(read_file(path("three.onnx")), one);
  EXPECT_THAT(started[0].printed(), HasSubstr("validation part"));
  EXPECT_EQ(started[1].said() + started[1].printed(), "");

  const auto evaluation =
      command({"eval", path("one.onnx"), "--part", "train", "--limit", "170", "--json"});
  run_alone(evaluation);
  const auto figures = started[0].printed();
  run(3, evaluation);
  EXPECT_EQ(started[0].printed(), figures);
  EXPECT_THAT(figures, HasSubstr("\"samples\": 170"));

  const auto compression = [&](const std::string& output) {
    return command({"compress", path("one.onnx"), "--max-drop", "30", "--epochs", "1", "--samples",
                    "60", "-o", path(output)});
  };
  run_alone(compression("one.lac"));
  run(2, compression("two.lac"));
  EXPECT_EQ(read_file(path("two.lac")), read_file(path("one.lac")));
}

TEST_F(Processes, StopTogetherAndGoOn) {
  constexpr int epochs = 12;
  auto kept = train("two.onnx", epochs);
  kept.insert(kept.end(), {"--checkpoint", path("run"), "--resume"});
  begin();
  for (int rank = 0; rank < 2; ++rank) start(2, kept);
  wait_to_hear("epoch 2 of");
  started[1].signal(SIGTERM);
  expect_end(1, 20s);
  for (const auto& one : started)
    EXPECT_THAT(one.said(), HasSubstr("training was interrupted at step"));

  run(3, kept);
  run_alone(train("one.onnx", epochs));
  EXPECT_EQ(read_file(path("two.onnx")), read_file(path("one.onnx")));
}

TEST_F(Processes, EndWhenOneIsKilled) {
  begin();
  for (int rank = 0; rank < 3; ++rank) start(3, train("out.onnx", 100000));
  wait_to_hear("epoch 1 of");
  started[1].signal(SIGKILL);
  for (const std::size_t rank : {0U, 2U}) {
    EXPECT_TRUE(wait_until([&] { return !started[rank].running(); }, 20s));
    EXPECT_EQ(started[rank].status(), 1);
    EXPECT_THAT(started[rank].said(), HasSubstr("has lost another"));
  }
  EXPECT_FALSE(std::filesystem::exists(path("out.onnx")));
}

TEST_F(Processes, EndWithTheErrorOfOne) {
  begin();
  start(2, train("out.onnx", 1));
  start(2, command({"train", path("missing.onnx"), "-o", path("out.onnx")}));
  expect_end(3, 40s);
  EXPECT_THAT(started[0].said(), HasSubstr("process 1 of 2 ended: cannot read"));
  EXPECT_THAT(started[1].said(), HasSubstr("laconic: cannot read"));
  EXPECT_FALSE(std::filesystem::exists(path("out.onnx")));
}

TEST_F(Processes, RefuseToBeOfDifferentRuns) {
  begin();
  start(2, train("out.onnx", 1));
  start(2, train("out.onnx", 2));
  expect_end(2, 40s);
  for (const auto& one : started)
    EXPECT_THAT(one.said(), HasSubstr("the epochs of process 0 is \"1\", that of process 1 is"));
}

TEST_F(Processes, WaitOnlySoLong) {
  const ProcessPlace place{.rank = 0,
                           .size = 2,
                           .address = "127.0.0.1",
                           .port = static_cast<std::uint16_t>(free_port())};
  EXPECT_THAT(error_of(
                  [&] {
                    run_together(
                        place, [] {}, 1s);
                  },
                  ErrorCode::lost_process),
              HasSubstr("only 1 of the 2 came"));
  auto other = place;
  other.rank = 1;
  EXPECT_THAT(error_of(
                  [&] {
                    run_together(
                        other, [] {}, 1s);
                  },
                  ErrorCode::lost_process),
              HasSubstr("process 1 of 2 cannot reach 127.0.0.1"));
}

#endif

}  // namespace
}  // namespace laconic
