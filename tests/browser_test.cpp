// ONNX Runtime in a browser answers what is exported as the session answers what is compressed.

#include "exported_answers.h"

namespace laconic {
namespace {

using namespace laconic::testing;

const OtherRuntime runtime{LACONIC_BROWSER_SCRIPTS, LACONIC_BROWSER_FOLDER};

class Browser : public ::testing::TestWithParam<Export> {};

TEST_P(Browser, AnswersAlike) {
  const int installed = runtime.set_up();
  if (installed == 77) GTEST_SKIP() << "ONNX Runtime is not to be had here";
  ASSERT_EQ(installed, 0);
  runtime.expect_alike(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Exports, Browser, ::testing::ValuesIn(exports),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace laconic
