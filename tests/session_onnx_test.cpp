// The session on ONNX's own operator tests. Types that it does not compute with are outside.

#include <gtest/gtest.h>

#include "laconic/session.h"
#include "onnx_cases.h"
#include "runtime/operator.h"

namespace laconic {
namespace {

onnx_cases::Count count;
std::set<std::string> beyond;

std::vector<Constant> run(Graph graph, std::vector<Constant> inputs) {
  Session session(std::move(graph));
  std::vector<TensorView> views;
  for (const Constant& input : inputs)
    views.push_back({input.type(), input.shape(), input.bytes()});
  std::vector<Constant> out;
  for (const TensorView& view : session.run(views)) {
    out.emplace_back(view.type, Shape(view.shape.begin(), view.shape.end()),
                     std::vector(view.bytes.begin(), view.bytes.end()));
  }
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
  for (const auto& what : laconic::beyond) fmt::print("outside: {}\n", what);
  fmt::print("ONNX operator tests: {} passed of {} listed, {} outside the table\n",
             laconic::count.passed, laconic::count.listed, laconic::count.outside);
  return status;
}
