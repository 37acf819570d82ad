// Weights in files beside the model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "graph_support.h"
#include "onnx_support.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

namespace fs = std::filesystem;

class OnnxExternal : public testing::Test {
 protected:
  OnnxExternal() {
    fs::create_directories(folder_.path("model/sub"));
    const float values[] = {-1, 1, 2, 3, 4};
    std::string bytes(sizeof values, '\0');
    std::memcpy(bytes.data(), values, sizeof values);
    for (const auto* file : {"model/w.bin", "model/sub/w.bin", "outside.bin"}) {
      std::ofstream(folder_.path(file)) << bytes;
    }
  }

  /// Reads a model whose weight lies in that file.
  Graph read(const std::string& location, const std::string& offset = "4",
             const std::string& length = "16") {
    std::string entries = "external_data { key: 'location' value: '" + location + "' }";
    if (!offset.empty()) entries += "external_data { key: 'offset' value: '" + offset + "' }";
    if (!length.empty()) entries += "external_data { key: 'length' value: '" + length + "' }";
    const auto model = parse_model(
        "node { op_type: 'Gemm' input: 'x' input: 'w' output: 'y' attribute { name: 'transB' type: "
        "INT i: 1 } } "
        "initializer { name: 'w' data_type: 1 dims: 2 dims: 2 data_location: EXTERNAL " +
        entries + " }");
    std::ofstream(folder_.path("model/net.onnx")) << model.SerializeAsString();
    return read_onnx(folder_.path("model/net.onnx"));
  }

  std::string error(const std::string& location, const std::string& offset = "4",
                    const std::string& length = "16") {
    return error_of([&] { static_cast<void>(read(location, offset, length)); });
  }

  TemporaryFolder folder_;
};

TEST_F(OnnxExternal, IsReadFromItsPlace) {
  const Constant wanted = floats({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(read("w.bin").constants.at("w"), wanted);
  EXPECT_EQ(read("w.bin", "4", "").constants.at("w"), wanted);
  EXPECT_EQ(read("sub/w.bin").constants.at("w"), wanted);
  EXPECT_EQ(read("w.bin", "", "16").constants.at("w"), floats({2, 2}, {-1, 1, 2, 3}));
  fs::create_symlink("sub/w.bin", folder_.path("model/link.bin"));
  EXPECT_EQ(read("link.bin").constants.at("w"), wanted);
}

TEST_F(OnnxExternal, MustLieInTheModelsFolder) {
  fs::create_symlink(folder_.path("outside.bin"), folder_.path("model/leaving.bin"));
  fs::create_symlink(folder_.path(), folder_.path("model/up"));
  for (const std::string& location : {folder_.path("outside.bin"), std::string("../outside.bin"),
                                      std::string("sub/../../outside.bin"),
                                      std::string("leaving.bin"), std::string("up/outside.bin")}) {
    EXPECT_THAT(error(location), AllOf(HasSubstr("'w'"), HasSubstr("outside the model's folder")))
        << location;
  }
}

TEST_F(OnnxExternal, MustBeThereWhole) {
  EXPECT_THAT(error("absent.bin"), AllOf(HasSubstr("absent.bin"), HasSubstr("'w'")));
  EXPECT_THAT(error("w.bin", "8"), AllOf(HasSubstr("20 bytes long"), HasSubstr("bytes 8 to 24")));
  EXPECT_THAT(error("w.bin", "18446744073709551615"), HasSubstr("offset"));
  EXPECT_THAT(error("w.bin", "9223372036854775807"), HasSubstr("20 bytes long"));
  EXPECT_THAT(error("w.bin", "4", "12"),
              AllOf(HasSubstr("needs 16 bytes"), HasSubstr("12 bytes long")));
  EXPECT_THAT(error("w.bin", "-4"), HasSubstr("\"-4\""));
  EXPECT_THAT(error("sub"), HasSubstr("not an ordinary file"));
  EXPECT_THAT(error(""), HasSubstr("without a file"));
}

TEST_F(OnnxExternal, IsRefusedFromMemory) {
  static_cast<void>(read("w.bin"));
  std::ifstream file(folder_.path("model/net.onnx"));
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(error_of([&] { static_cast<void>(read_onnx(std::as_bytes(std::span(bytes)))); }),
              HasSubstr("read from a file"));
}

}  // namespace
}  // namespace laconic
