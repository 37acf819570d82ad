// ONNX Runtime answers what is exported as the session answers what is compressed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>

#include "core/atomic_file.h"
#include "laconic/onnx.h"
#include "session_graphs.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using namespace session_graphs;

const std::string scripts = LACONIC_CLIENT_SCRIPTS;
const std::string folder_of_client = LACONIC_CLIENT_FOLDER;

int run_command(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Export {
  const char* name;
  const char* quantizer;
  QuantizedForm form;
};

class Client : public testing::TestWithParam<Export> {};

TEST_P(Client, AnswersAlike) {
  const int installed = run_command(scripts + "/setup.sh " + folder_of_client);
  if (installed == 77) GTEST_SKIP() << "ONNX Runtime is not to be had here";
  ASSERT_EQ(installed, 0);
  const auto network = quantized(residual_classifier(), GetParam().quantizer);
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [name, parameter] : network.tensors) tensors.emplace(name, parameter.tensor);
  const TemporaryFolder folder;
  write_onnx(network.graph, folder.path("m.onnx"), tensors, GetParam().form);

  const Shape shape{2, 3, 8, 8};
  const auto x = random_values(element_count(shape), 11);
  write_file(folder.path("x.f32"), std::as_bytes(std::span(x)));
  const auto command = fmt::format(
      "NODE_PATH={}/node_modules node {}/run.js {} {} {} {}", folder_of_client, scripts,
      folder.path("m.onnx"), folder.path("x.f32"), folder.path("y.f32"), fmt::join(shape, " "));
  ASSERT_EQ(run_command(command), 0) << command;
  const auto bytes = read_file(folder.path("y.f32"));
  std::vector<float> theirs(bytes.size() / sizeof(float));
  std::memcpy(theirs.data(), bytes.data(), bytes.size());

  Session session(network, {.kernels = LayerKernels::packed});
  EXPECT_THAT(theirs, testing::Pointwise(testing::FloatNear(1e-3F), answer(session, 2)));
}

TEST(Bench, MeasuresOnnxRuntimeBesideTheSession) {
  const int installed = run_command(scripts + "/setup.sh " + folder_of_client);
  if (installed == 77) GTEST_SKIP() << "ONNX Runtime is not to be had here";
  const TemporaryFolder folder;
  (void)save(quantized(residual_classifier(), "uniform:levels=15"), folder.path("m.lac"));
  const auto command =
      fmt::format("{} bench {} --against onnxruntime:{} --seconds 0.1 --batch 3 --json >{}",
                  LACONIC_PROGRAM, folder.path("m.lac"), folder_of_client, folder.path("out.json"));
  ASSERT_EQ(run_command(command), 0) << command;
  const auto bytes = read_file(folder.path("out.json"));
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const char* part : {"\"float\"", "\"int8\"", "ratio_batch_1"}) {
    EXPECT_THAT(text, testing::HasSubstr(part));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Exports, Client,
    testing::Values(Export{"floats", "uniform:levels=15", QuantizedForm::dense},
                    Export{"DequantizeLinear", "uniform:levels=15", QuantizedForm::dequantize},
                    Export{"Gather", "kmeans:levels=16", QuantizedForm::dequantize}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace laconic
