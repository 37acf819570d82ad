// The session on ONNX's own operator tests. Types that it does not compute with are outside. Where
// samples are found to be apart, each by itself must be answered as all are.

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "laconic/session.h"
#include "onnx_cases.h"
#include "runtime/batch.h"
#include "runtime/samples.h"

namespace laconic {
namespace {

onnx_cases::Count count;
std::set<std::string> beyond, apart;

/// The first extents of the first `open` inputs are taken for a batch; other inputs are constants.
void check_samples(Graph graph, std::span<const Constant> inputs, std::size_t open,
                   const std::vector<Constant>& expected) {
  for (std::size_t i = open; i < inputs.size(); ++i)
    graph.constants.insert_or_assign(graph.inputs[i].name, inputs[i]);
  graph.inputs.resize(open);
  std::vector<runtime::Value> values;
  std::vector<const std::byte*> data;
  for (std::size_t i = 0; i < open; ++i) {
    if (inputs[i].shape().empty() || inputs[i].shape()[0] < 2 ||
        inputs[i].shape()[0] != inputs[0].shape()[0]) {
      return;
    }
    graph.inputs[i].shape = inputs[i].shape();
    graph.inputs[i].shape[0] = -1;
    values.push_back({{inputs[i].type(), inputs[i].shape()}});
    data.push_back(inputs[i].bytes().data());
  }
  auto program = runtime::make_program({std::move(graph), {}});
  program.max_elements = 1 << 20;
  runtime::PreparedLayers prepared(program.graph.nodes.size());
  runtime::BatchTuning one{.samples = 1, .settled = true, .told = true};
  try {
    runtime::Batch batch(program, values, prepared, LayerKernels::dense, data, one);
    if (batch.samples_at_once() == 0) return;
    for (const Node& node : program.graph.nodes) apart.insert(node.op);
    batch.run(data);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(batch.outputs()[i].shape, expected[i].shape());
      const auto bytes = expected[i].bytes();
      if (expected[i].type() != ElementType::float32) {
        EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), batch.output_data(i)));
        continue;
      }
      const auto* got = reinterpret_cast<const float*>(batch.output_data(i));
      for (const float value : expected[i].floats()) {
        EXPECT_TRUE(std::abs(*got - value) <= 1e-5F * (1 + std::abs(value)) || *got == value ||
                    (std::isnan(*got) && std::isnan(value)))
            << *got << " " << value << " " << program.graph.nodes[0].op;
        ++got;
      }
    }
  } catch (const Error& error) {
    // Some operators want to be told what is an input here, others more than one sample.
    EXPECT_TRUE(error.code() == ErrorCode::unsupported_operator ||
                error.code() == ErrorCode::invalid_data)
        << error.what();
  }
}

std::vector<Constant> run(Graph graph, std::vector<Constant> inputs) {
  Session session(graph);
  std::vector<TensorView> views;
  for (const Constant& input : inputs)
    views.push_back({input.type(), input.shape(), input.bytes()});
  std::vector<Constant> out;
  for (const TensorView& view : session.run(views)) {
    out.emplace_back(view.type, Shape(view.shape.begin(), view.shape.end()),
                     std::vector(view.bytes.begin(), view.bytes.end()));
  }
  if (!inputs.empty()) check_samples(graph, inputs, 1, out);
  if (inputs.size() > 1) check_samples(graph, inputs, inputs.size(), out);
  return out;
}

class SessionCases : public testing::TestWithParam<const char*> {};

TEST_P(SessionCases, PassWhereOperatorsAndTypesAreWithinReach) {
  const auto group = std::filesystem::path(LACONIC_ONNX_TESTDATA) / GetParam();
  if (!std::filesystem::exists(group)) GTEST_SKIP() << "no ONNX test data: libonnx-testdata";
  onnx_cases::check_group(
      group, run, count,
      [](const Error& error) {
        beyond.insert(error.what());
        return error.code() == ErrorCode::unsupported_operator;
      },
      [](Constant expected) { return expected; });
}

INSTANTIATE_TEST_SUITE_P(Groups, SessionCases, testing::ValuesIn(onnx_cases::groups));

TEST(SessionOperators, AllThatTheImportAccepts) {
  for (const auto& row : operators()) {
    EXPECT_NE(runtime::find_operator(row.op), nullptr) << row.op;
  }
}

}  // namespace
}  // namespace laconic

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int status = RUN_ALL_TESTS();
  fmt::print("also sample by sample: {}\n", fmt::join(laconic::apart, ", "));
  for (const auto& what : laconic::beyond) fmt::print("outside: {}\n", what);
  fmt::print("ONNX operator tests: {} passed of {} listed, {} outside the table\n",
             laconic::count.passed, laconic::count.listed, laconic::count.outside);
  return status;
}
