// ONNX's own operator tests (Debian's libonnx-testdata), for whatever runs graphs: every case whose
// operators and types are within the table must pass, with the tolerance of ONNX's runner.

#pragma once

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "graph/half.h"
#include "graph/onnx/tensor.h"
#include "laconic/error.h"
#include "laconic/onnx.h"

namespace laconic::onnx_cases {

namespace fs = std::filesystem;

struct Count {
  int listed = 0;
  int passed = 0;
  int outside = 0;
};

/// What runs a graph, on inputs in its order.
using Runner = std::function<std::vector<Constant>(Graph, std::vector<Constant>)>;

template <typename Message>
Message parse(const fs::path& path) {
  const auto bytes = read_file(path);
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw std::runtime_error("cannot parse " + path.string());
  }
  return message;
}

inline bool known_type(const onnx::TypeProto& type) {
  if (type.value_case() != onnx::TypeProto::kTensorType) return false;
  const int number = type.tensor_type().elem_type();
  return (number >= 1 && number <= 7) || (number >= 9 && number <= 13);
}

/// Why the table does not reach a model, or nothing.
inline std::optional<std::string> outside(const onnx::ModelProto& model) {
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

/// The files input_0.pb, input_1.pb, ... of a data set.
inline std::vector<Constant> read_values(const fs::path& folder, const std::string& kind) {
  std::vector<Constant> values;
  for (int i = 0;; ++i) {
    const auto path = folder / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) return values;
    auto proto = parse<onnx::TensorProto>(path);
    values.push_back(read_tensor(proto, {}, path.filename().string()));
  }
}

inline std::vector<double> numbers(const Constant& constant) {
  const auto load = [&]<typename T>(T, auto convert) {
    std::vector<double> out;
    for (std::size_t i = 0; i < static_cast<std::size_t>(constant.count()); ++i) {
      T value;
      std::memcpy(&value, constant.bytes().data() + i * sizeof value, sizeof value);
      out.push_back(static_cast<double>(convert(value)));
    }
    return out;
  };
  const auto same = [](auto value) { return value; };
  switch (constant.type()) {
    case ElementType::float32:
      return load(0.0F, same);
    case ElementType::float64:
      return load(0.0, same);
    case ElementType::float16:
      return load(std::uint16_t{0}, from_float16);
    case ElementType::uint64:
      return load(std::uint64_t{0}, same);
    default:
      break;
  }
  const auto integers = constant.integers();
  return {integers.begin(), integers.end()};
}

/// What is wrong with an output, or nothing. Of onnx.backend.test.runner:
/// |actual - expected| <= 1e-7 + 1e-3 * |expected|.
inline std::string difference(const Constant& actual, const Constant& expected) {
  if (actual.shape() != expected.shape()) {
    return fmt::format("shape [{}], not [{}]", fmt::join(actual.shape(), ","),
                       fmt::join(expected.shape(), ","));
  }
  if (actual.type() != expected.type()) {
    return fmt::format("type {}, not {}", name(actual.type()), name(expected.type()));
  }
  const auto a = numbers(actual), b = numbers(expected);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (!(std::abs(a[i] - b[i]) <= 1e-7 + 1e-3 * std::abs(b[i]))) {
      return fmt::format("element {} is {}, not {}", i, a[i], b[i]);
    }
  }
  return {};
}

/// What is wrong with one case, or nothing. `held`: an expected output as the runner can hold it.
inline std::string check(const fs::path& folder, const Runner& run,
                         const std::function<Constant(Constant)>& held) {
  for (int set = 0;; ++set) {
    const auto data = folder / ("test_data_set_" + std::to_string(set));
    if (!fs::exists(data)) return set == 0 ? "no data" : "";
    const auto expected = read_values(data, "output");
    const auto actual = run(read_onnx(folder / "model.onnx"), read_values(data, "input"));
    if (actual.size() != expected.size()) return "another number of outputs";
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const auto what = difference(actual[i], held(expected[i]));
      if (!what.empty()) return fmt::format("output {}: {}", i, what);
    }
  }
}

/// Runs all cases of a group. Cases for which `beyond` is true of the error are outside as well.
inline void check_group(const fs::path& group, const Runner& run, Count& count,
                        const std::function<bool(const Error&)>& beyond,
                        const std::function<Constant(Constant)>& held) {
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(group)) folders.insert(entry.path());
  for (const auto& folder : folders) {
    if (!fs::exists(folder / "model.onnx")) continue;
    if (outside(parse<onnx::ModelProto>(folder / "model.onnx"))) {
      ++count.outside;
      continue;
    }
    std::string what;
    try {
      what = check(folder, run, held);
    } catch (const Error& error) {
      what = error.what();
      if (beyond(error)) {
        ++count.outside;
        continue;
      }
    } catch (const std::exception& error) {
      what = error.what();
    }
    ++count.listed;
    if (what.empty()) ++count.passed;
    EXPECT_EQ(what, "") << folder.filename();
  }
}

inline constexpr const char* groups[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};

}  // namespace laconic::onnx_cases
