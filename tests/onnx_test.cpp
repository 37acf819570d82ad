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

}  // namespace
}  // namespace laconic
