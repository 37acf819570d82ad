// ONNX's own operator tests, with the tolerance of ONNX's runner: every case whose operators and
// types are within the table must pass.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "laconic/network.h"
#include "onnx_cases.h"
#include "train/network/tensors.h"
#include "train/ops/call.h"

namespace laconic {
namespace {

onnx_cases::Count count;

/// What LibTorch holds as a constant, in the type it holds it in.
Constant held(const at::Tensor& tensor) {
  const at::Tensor x = tensor.contiguous();
  const auto type = x.scalar_type() == at::kFloat    ? ElementType::float32
                    : x.scalar_type() == at::kDouble ? ElementType::float64
                    : x.scalar_type() == at::kHalf   ? ElementType::float16
                    : x.scalar_type() == at::kBool   ? ElementType::boolean
                    : x.scalar_type() == at::kByte   ? ElementType::uint8
                    : x.scalar_type() == at::kChar   ? ElementType::int8
                    : x.scalar_type() == at::kShort  ? ElementType::int16
                    : x.scalar_type() == at::kInt    ? ElementType::int32
                                                     : ElementType::int64;
  const auto* data = static_cast<const std::byte*>(x.data_ptr());
  return {type, x.sizes().vec(), {data, data + x.nbytes()}};
}

std::vector<Constant> run(Graph graph, std::vector<Constant> inputs) {
  const Network network(std::move(graph));
  std::vector<at::Tensor> tensors;
  for (const Constant& input : inputs) tensors.push_back(to_tensor(input));
  std::vector<Constant> out;
  for (const at::Tensor& output : network.run(tensors)) out.push_back(held(output));
  return out;
}

class OnnxCases : public testing::TestWithParam<const char*> {};

TEST_P(OnnxCases, PassWhereOperatorsAreInTheTable) {
  const auto group = std::filesystem::path(LACONIC_ONNX_TESTDATA) / GetParam();
  if (!std::filesystem::exists(group)) GTEST_SKIP() << "no ONNX test data: libonnx-testdata";
  onnx_cases::check_group(
      group, run, count, [](const Error&) { return false; },
      [](const Constant& expected) { return held(to_tensor(expected)); });
}

INSTANTIATE_TEST_SUITE_P(Groups, OnnxCases, testing::ValuesIn(onnx_cases::groups));

TEST(Operators, TheImportAcceptsWhatTheNetworkRuns) {
  for (const auto& row : operators()) EXPECT_NE(ops::find(row.op), nullptr) << row.op;
}

}  // namespace
}  // namespace laconic

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int status = RUN_ALL_TESTS();
  fmt::print("ONNX operator tests: {} passed of {} listed, {} outside the table\n",
             laconic::count.passed, laconic::count.listed, laconic::count.outside);
  return status;
}
