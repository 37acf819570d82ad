// The recurrent network on which weights of few bits are compared: one LSTM layer between
// characters and the odds of those that follow (Karpathy, Johnson, Li 2016, section 3).

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "graph/passes.h"
#include "graph/zoo/networks.h"
#include "laconic/error.h"
#include "laconic/random.h"

namespace laconic {
namespace {

constexpr double widest = 0.08;  ///< Initial weights lie between minus that and that.

class Weights {
 public:
  Weights(Graph& graph, std::uint64_t seed) : graph_(graph), seed_(seed) {}

  void draw(const std::string& name, const Shape& shape) {
    Random numbers(seed_, name);
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (auto& value : values) value = static_cast<float>(widest * (2 * numbers.uniform() - 1));
    add(name, shape, values);
  }

  void add(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    graph_.constants.emplace(name, Constant::of(shape, std::span<const float>(values)));
  }

 private:
  Graph& graph_;
  std::uint64_t seed_;
};

}  // namespace

Graph build_char_lstm(const Options& options, const Task& task) {
  if (task.sample_shape.size() != 2) {
    fail(ErrorCode::invalid_argument,
         "network char_lstm takes sequences (shape [steps, characters]), not samples of shape [{}]",
         fmt::join(task.sample_shape, ", "));
  }
  const auto units = options.integer("units");
  const auto steps = task.sample_shape[0], inputs = task.sample_shape[1];
  Graph graph;
  graph.name = "char_lstm";
  graph.opset = 13;
  graph.inputs.push_back({"input", ElementType::float32, {-1, steps, inputs}});
  Weights weights(graph, task.seed);
  weights.draw("lstm.weight_ih", {1, 4 * units, inputs});
  weights.draw("lstm.weight_hh", {1, 4 * units, units});
  // Two biases for each of the input, output, forget and cell gates. One of the forget gate's is 1:
  // the network begins by remembering.
  std::vector<float> bias(static_cast<std::size_t>(8 * units));
  std::fill_n(bias.begin() + 2 * units, units, 1.0f);
  weights.add("lstm.bias", {1, 8 * units}, bias);
  weights.draw("output.weight", {units, task.classes});
  weights.add("output.bias", {task.classes},
              std::vector<float>(static_cast<std::size_t>(task.classes)));

  const std::array<std::int64_t, 1> direction{1};
  graph.constants.emplace("directions",
                          Constant::of({1}, std::span<const std::int64_t>(direction)));
  const auto perm = [](std::vector<std::int64_t> axes) {
    return std::map<std::string, Attribute, std::less<>>{{"perm", std::move(axes)}};
  };
  // LSTM takes steps x samples x inputs and gives steps x directions x samples x units.
  graph.nodes = {
      {"by_step", "Transpose", {"input"}, {"by_step"}, perm({1, 0, 2})},
      {"lstm",
       "LSTM",
       {"by_step", "lstm.weight_ih", "lstm.weight_hh", "lstm.bias"},
       {"lstm"},
       {{"hidden_size", units}}},
      {"states", "Squeeze", {"lstm", "directions"}, {"states"}, {}},
      {"by_sample", "Transpose", {"states"}, {"by_sample"}, perm({1, 0, 2})},
      {"output", "MatMul", {"by_sample", "output.weight"}, {"output"}, {}},
      {"output.add", "Add", {"output", "output.bias"}, {"logits"}, {}},
  };
  graph.outputs.push_back({"logits", ElementType::float32, {-1, steps, task.classes}});
  put_output_channels_first(graph);
  validate(graph);
  return graph;
}

}  // namespace laconic
