#include "laconic/onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "laconic/error.h"

namespace laconic {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

TEST(OnnxFiles, MissingFileIsNamed) {
  try {
    static_cast<void>(read_onnx("missing.onnx"));
    FAIL() << "a missing file was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_data);
    EXPECT_THAT(error.what(), HasSubstr("\"missing.onnx\""));
  }
}

TEST(OnnxShared, ReadsEveryModel) {
  const std::filesystem::path folder = LACONIC_SHARED "/models";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path());
    const Graph graph = read_onnx(entry.path());
    EXPECT_THAT(graph.inputs, SizeIs(1));
    EXPECT_THAT(graph.outputs, SizeIs(1));
    EXPECT_GE(parameters(graph).size(), 8u);
  }
}

}  // namespace
}  // namespace laconic
