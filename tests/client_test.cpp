// ONNX Runtime answers what is exported as the session answers what is compressed.

#include "exported_answers.h"

namespace laconic {
namespace {

using namespace laconic::testing;

const OtherRuntime runtime{LACONIC_CLIENT_SCRIPTS, LACONIC_CLIENT_FOLDER};

class Client : public ::testing::TestWithParam<Export> {};

TEST_P(Client, AnswersAlike) {
  const int installed = runtime.set_up();
  if (installed == 77) GTEST_SKIP() << "ONNX Runtime is not to be had here";
  ASSERT_EQ(installed, 0);
  runtime.expect_alike(GetParam());
}

TEST(Bench, MeasuresOnnxRuntimeBesideTheSession) {
  const int installed = runtime.set_up();
  if (installed == 77) GTEST_SKIP() << "ONNX Runtime is not to be had here";
  const TemporaryFolder folder;
  (void)save(session_graphs::quantized(session_graphs::residual_classifier(), "uniform:levels=15"),
             folder.path("m.lac"));
  const auto command =
      fmt::format("{} bench {} --against onnxruntime:{} --seconds 0.1 --batch 3 --json >{}",
                  LACONIC_PROGRAM, folder.path("m.lac"), runtime.folder, folder.path("out.json"));
  ASSERT_EQ(run_command(command), 0) << command;
  const auto bytes = read_file(folder.path("out.json"));
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const char* part : {"\"float\"", "\"int8\"", "ratio_batch_1"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(part));
  }
}

INSTANTIATE_TEST_SUITE_P(Exports, Client, ::testing::ValuesIn(exports),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace laconic
