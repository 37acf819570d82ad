// Small networks drawn at random: images that are convolved, pooled, gated, joined and cut, then
// turned into sequences and vectors. What passes and layouts do to a network depends on what stands
// beside what, of which hand-written networks try little.

#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "laconic/graph.h"
#include "laconic/random.h"

namespace laconic::testing {

class RandomGraph {
 public:
  /// Of images of any size where `open`: then no value's shape depends on it.
  RandomGraph(std::uint64_t seed, bool open) : random_(seed, "random graph"), open_(open) {
    const std::int64_t channels = 1 + pick(6), height = 4 + pick(6), width = 4 + pick(6);
    input_ = {3, channels, height, width};
    graph_.opset = 13;
    graph_.inputs = {{"x", ElementType::float32, {-1, channels, height, width}}};
    if (open) graph_.inputs[0].shape = {-1, channels, -1, -1};
    images_ = {{"x", {channels, height, width}}};
    for (std::int64_t steps = 3 + pick(12); steps > 0; --steps) step();
    for (const auto* values : {&images_, &rows_}) {
      const std::size_t last = values->size();
      for (std::size_t i = last > 2 ? last - 2 : 0; i < last; ++i) {
        if ((*values)[i].name == "x") continue;
        graph_.outputs.push_back({(*values)[i].name, ElementType::float32, {}, false});
      }
    }
  }

  [[nodiscard]] const Graph& graph() const { return graph_; }
  [[nodiscard]] const Shape& input_shape() const { return input_; }  ///< Of three samples.

 private:
  struct Value {
    std::string name;
    Shape shape;  ///< Of a sample.
  };
  using Attributes = std::map<std::string, Attribute, std::less<>>;
  using Integers = std::vector<std::int64_t>;

  std::int64_t pick(std::int64_t count) { return random_.below(count); }
  template <typename T, std::size_t n>
  T one_of(const std::array<T, n>& all) {
    return all[static_cast<std::size_t>(pick(n))];
  }

  std::string weights(const Shape& shape, double scale = 0.5, double shift = 0) {
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& value : values) value = static_cast<float>(shift + scale * random_.normal());
    return constant(Constant::of(shape, std::span<const float>(values)));
  }
  std::string number(float value) { return constant(Constant::of({}, std::span(&value, 1))); }
  std::string integers(const Integers& values) {
    return constant(Constant::of({std::ssize(values)}, std::span(values)));
  }
  std::string constant(Constant value) {
    const std::string name = "c" + std::to_string(graph_.constants.size());
    graph_.constants.emplace(name, std::move(value));
    return name;
  }

  std::string add(std::string op, std::vector<std::string> inputs, Attributes attributes = {}) {
    const std::string name = "t" + std::to_string(graph_.nodes.size());
    graph_.nodes.push_back(
        {name + "_node", std::move(op), std::move(inputs), {name}, std::move(attributes)});
    return name;
  }

  const Value& recent(const std::vector<Value>& values) {
    const auto some = std::min<std::int64_t>(3, std::ssize(values));
    return values[values.size() - 1 - static_cast<std::size_t>(pick(some))];
  }

  std::string function(const std::string& x) {
    switch (pick(9)) {
      case 0:
        return add("Relu", {x});
      case 1:
        return add("LeakyRelu", {x});
      case 2:
        return add("Mul", {x, add("Sigmoid", {x})});
      case 3:
        return add("Tanh", {x});
      case 4:
        return add("Clip", {x, number(-1), number(6)});
      case 5: {
        const auto gate = add("Clip", {add("Add", {x, number(3)}), number(0), number(6)});
        return pick(2) == 0 ? add("Div", {add("Mul", {x, gate}), number(6)})
                            : add("Mul", {add("Div", {gate, number(6)}), x});
      }
      case 6: {
        const auto erf = add("Erf", {add("Div", {x, number(1.41421356F)})});
        return add("Mul", {add("Mul", {x, add("Add", {erf, number(1)})}), number(0.5F)});
      }
      case 7:
        return add("Abs", {x});
      default:
        return x;
    }
  }

  void step() {
    if (!rows_.empty() && pick(3) > 0) return step_on_rows();
    const Value x = recent(images_);
    const auto channels = x.shape[0], height = x.shape[1], width = x.shape[2];
    switch (pick(14)) {
      case 0:
      case 1:
      case 2:
        return convolve(x);
      case 3:
        return pool(x);
      case 4:
        images_.push_back({add(pick(2) == 0 ? "GlobalAveragePool" : "GlobalMaxPool", {x.name}),
                           {channels, 1, 1}});
        return;
      case 5:
        return gate(x);
      case 6:
        return combine(x);
      case 7:
        return join(x);
      case 8:
        return meet_constant(x);
      case 9: {
        const Integers pads = {0, pick(2), pick(2), pick(2), 0, pick(2), pick(2), pick(2)};
        images_.push_back({add("Pad", {x.name, integers(pads)}),
                           {channels + pads[1] + pads[5], height + pads[2] + pads[6],
                            width + pads[3] + pads[7]}});
        return;
      }
      case 10:
        if (height < 2 || width < 2) return;
        images_.push_back({add("Slice", {x.name, integers({0, 1}), integers({1000, 1000}),
                                         integers({2, 3}), integers({2, 1})}),
                           {channels, (height + 1) / 2, width - 1}});
        return;
      case 11:
        images_.push_back({function(x.name), x.shape});
        return;
      case 12:
        images_.push_back({add("PRelu", {x.name, weights({channels, 1, 1})}), x.shape});
        return;
      default:
        return flatten(x);
    }
  }

  void convolve(const Value& x) {
    const auto channels = x.shape[0];
    const auto groups = pick(3) > 0 ? 1 : pick(2) == 0 ? channels : 1;
    const auto outputs = groups * (1 + pick(groups == 1 ? 12 : 2));
    const std::array<std::int64_t, 3> sizes = {1, 2, 3};
    const Integers kernel = {one_of(sizes), one_of(sizes)},
                   pads = {pick(3), pick(3), pick(3), pick(3)};
    const auto stride = 1 + pick(2), dilation = 1 + pick(2);
    Shape shape = {outputs};
    for (std::size_t i = 0; i < 2; ++i) {
      const auto room = x.shape[i + 1] + pads[i] + pads[i + 2] - dilation * (kernel[i] - 1) - 1;
      if (room < 0) return;
      shape.push_back(room / stride + 1);
    }
    std::vector<std::string> inputs = {x.name,
                                       weights({outputs, channels / groups, kernel[0], kernel[1]})};
    if (pick(2) == 0) inputs.push_back(weights({outputs}));
    auto y = add("Conv", inputs,
                 {{"pads", pads},
                  {"strides", Integers{stride, stride}},
                  {"dilations", Integers{dilation, dilation}},
                  {"group", groups}});
    if (pick(3) == 0) {
      y = add("BatchNormalization", {y, weights({outputs}), weights({outputs}), weights({outputs}),
                                     weights({outputs}, 0.01, 1)});
    }
    images_.push_back({function(y), shape});
  }

  void pool(const Value& x) {
    const auto kernel = 2 + pick(2), stride = 1 + pick(2), pad = pick(2);
    const auto room = std::min(x.shape[1], x.shape[2]) + 2 * pad - kernel;
    if (room < 0) return;
    const auto extent = [&](std::size_t i) { return (x.shape[i] + 2 * pad - kernel) / stride + 1; };
    images_.push_back({add(pick(2) == 0 ? "MaxPool" : "AveragePool", {x.name},
                           {{"kernel_shape", Integers{kernel, kernel}},
                            {"strides", Integers{stride, stride}},
                            {"pads", Integers{pad, pad, pad, pad}}}),
                       {x.shape[0], extent(1), extent(2)}});
  }

  void gate(const Value& x) {
    const auto channels = x.shape[0], fewer = 1 + pick(4);
    const auto mean = add("GlobalAveragePool", {x.name});
    const auto inner = function(add("Conv", {mean, weights({fewer, channels, 1, 1})}));
    const auto gates = add("Sigmoid", {add("Conv", {inner, weights({channels, fewer, 1, 1})})});
    arithmetic(x, gates, x.shape);
  }

  void arithmetic(const Value& x, const std::string& other, const Shape& shape) {
    const std::array<std::string, 3> ops = {"Add", "Mul", "Sub"};
    images_.push_back(
        {add(one_of(ops), pick(2) == 0 ? std::vector{x.name, other} : std::vector{other, x.name}),
         shape});
  }

  /// Images that agree with x from axis `first` of a sample on.
  std::vector<Value> like(const Value& x, std::ptrdiff_t first) const {
    std::vector<Value> out;
    std::ranges::copy_if(images_, std::back_inserter(out), [&](const Value& other) {
      return std::equal(other.shape.begin() + first, other.shape.end(), x.shape.begin() + first);
    });
    return out;
  }

  void combine(const Value& x) {
    const auto others = like(x, 0);
    if (pick(2) == 0) return arithmetic(x, recent(others).name, x.shape);
    const std::array<std::string, 4> ops = {"Max", "Min", "Sum", "Mean"};
    images_.push_back(
        {add(one_of(ops), {x.name, recent(others).name, recent(others).name}), x.shape});
  }

  void join(const Value& x) {
    const Value other = recent(like(x, 1));
    if (x.shape[0] + other.shape[0] > 24) return;
    images_.push_back(
        {add("Concat", {x.name, other.name}, {{"axis", std::int64_t{pick(2) == 0 ? 1 : -3}}}),
         {x.shape[0] + other.shape[0], x.shape[1], x.shape[2]}});
  }

  void meet_constant(const Value& x) {
    const auto channels = x.shape[0], height = x.shape[1], width = x.shape[2];
    const std::vector<Shape> all = {{},
                                    {1},
                                    {1, 1, 1, 1},
                                    {channels, 1, 1},
                                    {1, channels, 1, 1},
                                    {width},
                                    {height, 1},
                                    {1, 1, height, width},
                                    {1, channels, height, width}};
    const auto count = open_ ? 5 : std::ssize(all);
    arithmetic(x, weights(all[static_cast<std::size_t>(pick(count))]), x.shape);
  }

  void flatten(const Value& x) {
    const auto channels = x.shape[0], places = x.shape[1] * x.shape[2];
    if (open_ || channels * places > 600) return;
    if (pick(2) == 0) {
      rows_.push_back({add("Flatten", {x.name}), {channels * places}});
      return;
    }
    const auto sequence = add("Reshape", {x.name, integers({0, channels, places})});
    rows_.push_back(
        {add("Transpose", {sequence}, {{"perm", Integers{0, 2, 1}}}), {places, channels}});
  }

  /// Vectors and sequences of vectors.
  void step_on_rows() {
    const Value x = recent(rows_);
    const auto extent = x.shape.back();
    switch (pick(5)) {
      case 0:
      case 1: {
        const auto outputs = 1 + pick(20);
        auto y = add("MatMul", {x.name, weights({extent, outputs}, 0.3)});
        if (pick(2) == 0) y = add("Add", {weights({outputs}), y});
        Shape shape = x.shape;
        shape.back() = outputs;
        rows_.push_back({function(y), shape});
        return;
      }
      case 2:
        return normalize(x);
      case 3:
        rows_.push_back({add("Softmax", {x.name}, {{"axis", std::int64_t{-1}}}), x.shape});
        return;
      default:
        if (x.shape.size() == 2) return attend(x);
        rows_.push_back({function(add("Gemm", {x.name, weights({7, extent}, 0.3), weights({7})},
                                      {{"transB", std::int64_t{1}}})),
                         {7}});
    }
  }

  void normalize(const Value& x) {
    const Attributes last = {{"axes", Integers{-1}}};
    const auto difference = add("Sub", {x.name, add("ReduceMean", {x.name}, last)});
    const auto square =
        pick(2) == 0 ? add("Pow", {difference, number(2)}) : add("Mul", {difference, difference});
    const auto variance = add("Add", {add("ReduceMean", {square}, last), number(0.01F)});
    const auto y = add("Div", {difference, add("Sqrt", {variance})});
    rows_.push_back(
        {add("Add", {add("Mul", {y, weights({x.shape.back()})}), weights({x.shape.back()})}),
         x.shape});
  }

  void attend(const Value& x) {
    const auto places = x.shape[0], heads = 1 + pick(3), extent = 1 + pick(4);
    const auto part = [&](Integers order) {
      const auto y = add("MatMul", {x.name, weights({x.shape[1], heads * extent}, 0.3)});
      return add("Transpose", {add("Reshape", {y, integers({0, places, heads, extent})})},
                 {{"perm", std::move(order)}});
    };
    const auto q = part({0, 2, 1, 3}), k = part({0, 2, 3, 1}), v = part({0, 2, 1, 3});
    const auto scores = add("Softmax", {add("Mul", {add("MatMul", {q, k}), number(0.4F)})},
                            {{"axis", std::int64_t{3}}});
    const auto y = add("Transpose", {add("MatMul", {scores, v})}, {{"perm", Integers{0, 2, 1, 3}}});
    rows_.push_back(
        {add("Reshape", {y, integers({0, places, heads * extent})}), {places, heads * extent}});
  }

  Random random_;
  bool open_;
  Graph graph_;
  Shape input_;
  std::vector<Value> images_, rows_;
};

}  // namespace laconic::testing
