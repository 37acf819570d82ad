// What ONNX's cases leave out of RNN, GRU and LSTM: directions, lengths and layouts against each
// other, and the forward direction against LibTorch's own.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>

#include "laconic/network.h"
#include "network_graphs.h"

namespace laconic {
namespace {

using Attributes = std::map<std::string, Attribute, std::less<>>;

constexpr std::int64_t steps = 5;
constexpr std::int64_t batch = 3;
constexpr std::int64_t features = 4;
constexpr std::int64_t hidden = 2;

class Recurrent : public testing::TestWithParam<std::pair<const char*, std::int64_t>> {
 protected:
  std::int64_t gates() const { return GetParam().second; }

  at::Tensor x = random_tensor({steps, batch, features}, 1);
  at::Tensor w = random_tensor({2, gates() * hidden, features}, 2);
  at::Tensor r = random_tensor({2, gates() * hidden, hidden}, 3);
  at::Tensor b = random_tensor({2, 2 * gates() * hidden}, 4);

  /// Y and Y_h with the weights of directions [first, first + count).
  std::vector<at::Tensor> run(const at::Tensor& input, const char* direction, std::int64_t first,
                              std::int64_t count, const at::Tensor& lengths = {},
                              std::int64_t layout = 0) const {
    Graph graph;
    graph.opset = 14;
    graph.inputs = {{"x", ElementType::float32, {}},
                    {"w", ElementType::float32, {}},
                    {"r", ElementType::float32, {}},
                    {"b", ElementType::float32, {}}};
    graph.outputs = {{"y", ElementType::float32, {}}, {"h", ElementType::float32, {}}};
    graph.nodes = {node(GetParam().first, {"x", "w", "r", "b", lengths.defined() ? "l" : ""},
                        {"y", "h"}, {{"direction", std::string(direction)}, {"layout", layout}})};
    std::vector<at::Tensor> inputs = {input, w.narrow(0, first, count), r.narrow(0, first, count),
                                      b.narrow(0, first, count)};
    if (lengths.defined()) {
      graph.inputs.push_back({"l", ElementType::int32, {}});
      inputs.push_back(lengths);
    }
    return Network(graph).run(inputs);
  }
};

TEST_P(Recurrent, ReverseIsForwardOnTheReversedSequence) {
  const auto reverse = run(x, "reverse", 0, 1);
  const auto forward = run(x.flip(0), "forward", 0, 1);
  EXPECT_TRUE(at::equal(reverse[0], forward[0].flip(0)));
  EXPECT_TRUE(at::equal(reverse[1], forward[1]));
}

TEST_P(Recurrent, BidirectionalIsBothDirections) {
  const auto both = run(x, "bidirectional", 0, 2);
  const auto forward = run(x, "forward", 0, 1);
  const auto reverse = run(x, "reverse", 1, 1);
  EXPECT_TRUE(at::equal(both[0], at::cat({forward[0], reverse[0]}, 1)));
  EXPECT_TRUE(at::equal(both[1], at::cat({forward[1], reverse[1]}, 0)));
}

TEST_P(Recurrent, ShortSequencesRunAsIfAlone) {
  const std::array<std::int64_t, batch> lengths = {5, 2, 4};
  const auto given =
      at::tensor(std::vector<std::int64_t>(lengths.begin(), lengths.end())).to(at::kInt);
  const auto all = run(x, "bidirectional", 0, 2, given);
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto length = lengths[static_cast<std::size_t>(i)];
    const auto alone = run(x.narrow(1, i, 1).narrow(0, 0, length), "bidirectional", 0, 2);
    const auto part = all[0].narrow(2, i, 1);
    EXPECT_TRUE(at::allclose(part.narrow(0, 0, length), alone[0], 1e-5, 1e-6));
    EXPECT_EQ(part.narrow(0, length, steps - length).count_nonzero().item<std::int64_t>(), 0);
    EXPECT_TRUE(at::allclose(all[1].narrow(1, i, 1), alone[1], 1e-5, 1e-6));
  }
}

TEST_P(Recurrent, LayoutOnlyOrdersAxes) {
  const auto time_first = run(x, "bidirectional", 0, 2);
  const auto batch_first = run(x.transpose(0, 1), "bidirectional", 0, 2, {}, 1);
  EXPECT_TRUE(at::equal(batch_first[0], time_first[0].permute({2, 0, 1, 3})));
  EXPECT_TRUE(at::equal(batch_first[1], time_first[1].transpose(0, 1)));
}

INSTANTIATE_TEST_SUITE_P(Operators, Recurrent,
                         testing::Values(std::pair{"RNN", std::int64_t{1}},
                                         std::pair{"GRU", std::int64_t{3}},
                                         std::pair{"LSTM", std::int64_t{4}}),
                         [](const auto& row) { return row.param.first; });

class Lstm : public Recurrent {};

TEST_P(Lstm, IsLibTorchsWithGatesInAnotherOrder) {
  const auto reorder = [](const at::Tensor& rows) {  // ONNX: i o f c. LibTorch: i f c o.
    const auto parts = rows.chunk(4, 0);
    return at::cat({parts[0], parts[2], parts[3], parts[1]}, 0);
  };
  const auto biases = b[0].chunk(2, 0);
  const auto zeros = at::zeros({1, batch, hidden});
  const auto [y, h, c] = at::lstm(
      x, {zeros, zeros}, {reorder(w[0]), reorder(r[0]), reorder(biases[0]), reorder(biases[1])},
      true, 1, 0, false, false, false);
  const auto ours = run(x, "forward", 0, 1);
  EXPECT_TRUE(at::allclose(ours[0].squeeze(1), y, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(ours[1], h, 1e-5, 1e-6));
}

INSTANTIATE_TEST_SUITE_P(Operators, Lstm, testing::Values(std::pair{"LSTM", std::int64_t{4}}));

}  // namespace
}  // namespace laconic
