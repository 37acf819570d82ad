// ONNX's own operator tests, with the tolerance of ONNX's runner: every case whose operators and
// types are within the table must pass.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "core/atomic_file.h"
#include "graph/onnx/tensor.h"
#include "laconic/error.h"
#include "laconic/network.h"
#include "laconic/onnx.h"
#include "train/network/tensors.h"
#include "train/ops/call.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

/// Of onnx.backend.test.runner: |actual - expected| <= absolute + relative * |expected|.
constexpr double relative = 1e-3;
constexpr double absolute = 1e-7;

struct Count {
  int listed = 0;
  int passed = 0;
  int outside = 0;
};
Count count;

template <typename Message>
Message parse(const fs::path& path) {
  const auto bytes = read_file(path);
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw std::runtime_error("cannot parse " + path.string());
  }
  return message;
}

bool known_type(const onnx::TypeProto& type) {
  if (type.value_case() != onnx::TypeProto::kTensorType) return false;
  const int number = type.tensor_type().elem_type();
  return (number >= 1 && number <= 7) || (number >= 9 && number <= 13);
}

/// Why the table does not reach a model, or nothing.
std::optional<std::string> outside(const onnx::ModelProto& model) {
  for (const auto& import : model.opset_import()) {
    if (!import.domain().empty()) return "domain " + import.domain();
  }
  const auto opset = model.opset_import(0).version();
  for (const auto& node : model.graph().node()) {
    const auto row = std::ranges::find(operators(), node.op_type(), &OperatorInfo::op);
    if (row == operators().end()) return node.op_type();
    if (opset < row->since || opset > row->through) return node.op_type() + " of another opset";
    for (const auto& attribute : node.attribute()) {
      const bool type = node.op_type() == "Cast" && attribute.name() == "to";
      onnx::TypeProto cast;
      cast.mutable_tensor_type()->set_elem_type(static_cast<int>(attribute.i()));
      if (type && !known_type(cast)) return "a type";
    }
  }
  for (const auto* values : {&model.graph().input(), &model.graph().output()}) {
    for (const auto& value : *values) {
      if (!known_type(value.type())) return "a type";
    }
  }
  return std::nullopt;
}

at::Tensor read_value(const fs::path& path) {
  auto proto = parse<onnx::TensorProto>(path);
  return to_tensor(read_tensor(proto, {}, path.filename().string()));
}

/// The files input_0.pb, input_1.pb, ... of a data set.
std::vector<at::Tensor> read_values(const fs::path& folder, const std::string& kind) {
  std::vector<at::Tensor> values;
  for (int i = 0;; ++i) {
    const auto path = folder / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) return values;
    values.push_back(read_value(path));
  }
}

/// What is wrong with an output, or nothing.
std::string difference(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.sizes() != expected.sizes()) {
    return "shape " + ops::text(actual.sizes()) + ", not " + ops::text(expected.sizes());
  }
  if (actual.scalar_type() != expected.scalar_type()) {
    return fmt::format("type {}, not {}", at::toString(actual.scalar_type()),
                       at::toString(expected.scalar_type()));
  }
  const at::Tensor a = actual.to(at::kDouble).contiguous();
  const at::Tensor b = expected.to(at::kDouble).contiguous();
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data_ptr<double>()[i];
    const double y = b.data_ptr<double>()[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!(std::abs(x - y) <= absolute + relative * std::abs(y))) {
      return fmt::format("element {} is {}, not {}", i, x, y);
    }
  }
  return {};
}

/// What is wrong with one case, or nothing.
std::string check(const fs::path& folder) {
  const Network network(read_onnx(folder / "model.onnx"));
  for (int set = 0;; ++set) {
    const auto data = folder / ("test_data_set_" + std::to_string(set));
    if (!fs::exists(data)) return set == 0 ? "no data" : "";
    const auto expected = read_values(data, "output");
    const auto actual = network.run(read_values(data, "input"));
    if (actual.size() != expected.size()) return "another number of outputs";
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const auto what = difference(actual[i], expected[i]);
      if (!what.empty()) return fmt::format("output {}: {}", i, what);
    }
  }
}

class OnnxCases : public testing::TestWithParam<const char*> {};

TEST_P(OnnxCases, PassWhereOperatorsAreInTheTable) {
  const fs::path group = fs::path(LACONIC_ONNX_TESTDATA) / GetParam();
  if (!fs::exists(group)) GTEST_SKIP() << "no ONNX test data; install libonnx-testdata";
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(group)) folders.insert(entry.path());
  for (const auto& folder : folders) {
    if (!fs::exists(folder / "model.onnx")) continue;
    if (outside(parse<onnx::ModelProto>(folder / "model.onnx"))) {
      ++count.outside;
      continue;
    }
    ++count.listed;
    std::string what;
    try {
      what = check(folder);
    } catch (const std::exception& error) {
      what = error.what();
    }
    if (what.empty()) ++count.passed;
    EXPECT_EQ(what, "") << folder.filename();
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, OnnxCases,
                         testing::Values("node", "simple", "pytorch-converted",
                                         "pytorch-operator"));

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
