// What another runtime answers to an export, by a folder of scripts: setup.sh FOLDER installs it,
// or ends with 77 where it is not to be had; run.js MODEL X.f32 Y.f32 EXTENT... runs it.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>

#include "core/atomic_file.h"
#include "laconic/onnx.h"
#include "session_graphs.h"
#include "temporary_folder.h"

namespace laconic::testing {

struct Export {
  const char* name;
  const char* quantizer;
  QuantizedForm form;
  std::int64_t opset = 13;
};

inline constexpr Export exports[] = {
    {"floats", "uniform:levels=15", QuantizedForm::dense},
    {"DequantizeLinear", "uniform:levels=15", QuantizedForm::dequantize},
    {"DequantizeLinearOf4Bits", "uniform:levels=15,value=midpoint", QuantizedForm::dequantize, 21},
    {"Gather", "kmeans:levels=16", QuantizedForm::dequantize}};

inline int run_command(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Its scripts, and the folder that it is installed into.
struct OtherRuntime {
  std::string scripts, folder;

  [[nodiscard]] int set_up() const { return run_command(scripts + "/setup.sh " + folder); }

  /// Holds its answers to the session's.
  void expect_alike(const Export& row) const {
    using namespace session_graphs;
    auto network = quantized(residual_classifier(), row.quantizer);
    network.graph.opset = row.opset;
    std::map<std::string, Tensor, std::less<>> tensors;
    for (const auto& [name, parameter] : network.tensors) tensors.emplace(name, parameter.tensor);
    const TemporaryFolder files;
    write_onnx(network.graph, files.path("m.onnx"), tensors, row.form);

    const Shape shape{2, 3, 8, 8};
    const auto x = random_values(element_count(shape), 11);
    write_file(files.path("x.f32"), std::as_bytes(std::span(x)));
    const auto command = fmt::format("NODE_PATH={}/node_modules node {}/run.js {} {} {} {}", folder,
                                     scripts, files.path("m.onnx"), files.path("x.f32"),
                                     files.path("y.f32"), fmt::join(shape, " "));
    ASSERT_EQ(run_command(command), 0) << command;
    const auto bytes = read_file(files.path("y.f32"));
    std::vector<float> theirs(bytes.size() / sizeof(float));
    std::memcpy(theirs.data(), bytes.data(), bytes.size());

    Session session(network, {.kernels = LayerKernels::packed});
    EXPECT_THAT(theirs, ::testing::Pointwise(::testing::FloatNear(1e-3F), answer(session, 2)));
  }
};

}  // namespace laconic::testing
