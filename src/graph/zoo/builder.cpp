#include "graph/zoo/builder.h"

#include <cmath>
#include <limits>
#include <utility>

#include "laconic/random.h"

namespace laconic {

Builder::Builder(std::string_view network, const Shape& sample_shape, std::uint64_t seed)
    : seed_(seed), shape_(sample_shape) {
  graph_.name = network;
  graph_.opset = 13;
  Shape batched{-1};
  batched.insert(batched.end(), sample_shape.begin(), sample_shape.end());
  graph_.inputs.push_back({value_, ElementType::float32, std::move(batched)});
}

Builder& Builder::append(Node node, Shape shape) {
  value_ = node.outputs[0];
  shape_ = std::move(shape);
  graph_.nodes.push_back(std::move(node));
  return *this;
}

std::string Builder::random(const std::string& name, const Shape& shape, Gain gain) {
  // A stream for each tensor: a layer more does not change the others' weights.
  Random numbers(seed_, name);
  const auto count = element_count(shape);
  const double deviation =
      gain == Gain::small ? 0.01
                          : std::sqrt((gain == Gain::relu ? 2.0 : 1.0) *
                                      static_cast<double>(shape[0]) / static_cast<double>(count));
  std::vector<float> values(static_cast<std::size_t>(count));
  for (auto& value : values) value = static_cast<float>(deviation * numbers.normal());
  graph_.constants.emplace(name, Constant::of(shape, std::span<const float>(values)));
  return name;
}

std::string Builder::fill(const std::string& name, std::int64_t count, float value) {
  const std::vector<float> values(static_cast<std::size_t>(count), value);
  graph_.constants.emplace(name, Constant::of({count}, std::span<const float>(values)));
  return name;
}

std::string Builder::list(const std::string& name, const std::vector<std::int64_t>& values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  graph_.constants.emplace(name, Constant::of(shape, std::span<const std::int64_t>(values)));
  return name;
}

Builder& Builder::conv(const std::string& name, std::int64_t channels, const ConvOptions& options) {
  const auto [kernel, stride, padding, bias, gain, groups, dilation] = options;
  Node node{name, "Conv", {value_}, {name}, {}};
  node.inputs.push_back(
      random(name + ".weight", {channels, shape_[0] / groups, kernel, kernel}, gain));
  if (bias) node.inputs.push_back(fill(name + ".bias", channels, 0));
  node.attributes["kernel_shape"] = std::vector{kernel, kernel};
  node.attributes["strides"] = std::vector{stride, stride};
  node.attributes["pads"] = std::vector{padding, padding, padding, padding};
  if (groups > 1) node.attributes["group"] = groups;
  if (dilation > 1) node.attributes["dilations"] = std::vector{dilation, dilation};
  const auto extent = [&o = options](std::int64_t in) {
    return (in + 2 * o.padding - o.dilation * (o.kernel - 1) - 1) / o.stride + 1;
  };
  return append(std::move(node), {channels, extent(shape_[1]), extent(shape_[2])});
}

Builder& Builder::linear(const std::string& name, std::int64_t features, Gain gain) {
  Node node{name, "Gemm", {value_}, {name}, {{"transB", std::int64_t{1}}}};
  node.inputs.push_back(random(name + ".weight", {features, shape_[0]}, gain));
  node.inputs.push_back(fill(name + ".bias", features, 0));
  return append(std::move(node), {features});
}

Builder& Builder::batch_norm(const std::string& name) {
  const auto channels = shape_[0];
  Node node{name, "BatchNormalization", {value_}, {name}, {{"epsilon", 1e-5f}}};
  node.inputs.push_back(fill(name + ".weight", channels, 1));
  node.inputs.push_back(fill(name + ".bias", channels, 0));
  node.inputs.push_back(fill(name + ".running_mean", channels, 0));
  node.inputs.push_back(fill(name + ".running_var", channels, 1));
  return append(std::move(node), shape_);
}

Builder& Builder::relu(const std::string& name) {
  return append({name, "Relu", {value_}, {name}, {}}, shape_);
}

Builder& Builder::max_pool(const std::string& name, std::int64_t size) {
  return pool(name, {.size = size, .stride = size});
}

Builder& Builder::pool(const std::string& name, const PoolOptions& options) {
  const auto [kind, size, stride, padding, ceil] = options;
  Node node{name, kind == PoolKind::max ? "MaxPool" : "AveragePool", {value_}, {name}, {}};
  node.attributes["kernel_shape"] = std::vector{size, size};
  node.attributes["strides"] = std::vector{stride, stride};
  if (padding > 0) node.attributes["pads"] = std::vector{padding, padding, padding, padding};
  if (ceil) node.attributes["ceil_mode"] = std::int64_t{1};
  const auto extent = [&o = options](std::int64_t in) {
    const auto room = in + 2 * o.padding - o.size;
    return (room + (o.ceil ? o.stride - 1 : 0)) / o.stride + 1;
  };
  return append(std::move(node), {shape_[0], extent(shape_[1]), extent(shape_[2])});
}

Builder& Builder::go_to(const Place& place) {
  value_ = place.value;
  shape_ = place.shape;
  return *this;
}

Builder& Builder::concat(const std::string& name, const std::vector<Place>& parts) {
  Node node{name, "Concat", {}, {name}, {{"axis", std::int64_t{1}}}};
  Shape shape = parts[0].shape;
  shape[0] = 0;
  for (const auto& part : parts) {
    node.inputs.push_back(part.value);
    shape[0] += part.shape[0];
  }
  return append(std::move(node), std::move(shape));
}

Builder& Builder::dropout(const std::string& name, double probability) {
  const std::string ratio = name + ".ratio";
  const auto value = static_cast<float>(probability);
  graph_.constants.emplace(ratio, Constant::of({}, std::span(&value, 1)));
  return append({name, "Dropout", {value_, ratio}, {name}, {}}, shape_);
}

Builder& Builder::lrn(const std::string& name, std::int64_t size, float alpha, float beta,
                      float bias) {
  return append({name,
                 "LRN",
                 {value_},
                 {name},
                 {{"size", size}, {"alpha", alpha}, {"beta", beta}, {"bias", bias}}},
                shape_);
}

Builder& Builder::global_average_pool(const std::string& name) {
  return append({name, "GlobalAveragePool", {value_}, {name}, {}}, {shape_[0], 1, 1});
}

Builder& Builder::flatten(const std::string& name) {
  return append({name, "Flatten", {value_}, {name}, {{"axis", std::int64_t{1}}}},
                {element_count(shape_)});
}

Builder& Builder::add(const std::string& name, const std::string& other) {
  return append({name, "Add", {value_, other}, {name}, {}}, shape_);
}

std::string Builder::shrink(const std::string& name, std::int64_t channels) {
  constexpr auto end = std::numeric_limits<std::int64_t>::max();
  const std::string slice = name + ".slice";
  graph_.nodes.push_back({slice,
                          "Slice",
                          {value_, list("slice.starts", {0, 0}), list("slice.ends", {end, end}),
                           list("slice.axes", {2, 3}), list("slice.steps", {2, 2})},
                          {slice},
                          {}});
  const auto before = (channels - shape_[0]) / 2, after = channels - shape_[0] - before;
  const auto pads = list(name + ".pads", {0, before, 0, 0, 0, after, 0, 0});
  graph_.nodes.push_back({name, "Pad", {slice, pads}, {name}, {{"mode", "constant"}}});
  return name;
}

Graph Builder::finish() {
  graph_.nodes.back().outputs[0] = "logits";
  graph_.outputs.push_back({"logits", ElementType::float32, {-1, shape_[0]}});
  validate(graph_);
  return std::move(graph_);
}

Graph Builder::finish(const std::vector<Place>& outputs) {
  for (const auto& [value, shape] : outputs) {
    Shape batched{-1};
    batched.insert(batched.end(), shape.begin(), shape.end());
    graph_.outputs.push_back({value, ElementType::float32, std::move(batched)});
  }
  validate(graph_);
  return std::move(graph_);
}

}  // namespace laconic
