// What the tests of importance share: a data set in memory, small networks, and the slow way to
// squares of per-sample gradients.

#pragma once

#include <torch/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/graph.h"
#include "laconic/importance.h"
#include "laconic/network.h"
#include "laconic/random.h"

namespace laconic::testing {

inline std::vector<float> normals(std::int64_t count, std::uint64_t seed, double deviation = 1) {
  Random random(seed, "test");
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) value = static_cast<float>(deviation * random.normal());
  return out;
}

/// Training samples in memory; labels go round the classes.
class MemoryDataset final : public Dataset {
 public:
  MemoryDataset(Shape shape, std::int64_t classes, std::vector<float> x)
      : shape_(std::move(shape)), classes_(classes), x_(std::move(x)) {}

  static MemoryDataset random(Shape shape, std::int64_t classes, std::int64_t samples) {
    auto x = normals(samples * element_count(shape), 17);
    return {std::move(shape), classes, std::move(x)};
  }

  const Shape& sample_shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return classes_; }
  std::int64_t size(Part part) const noexcept override {
    return part == Part::train ? static_cast<std::int64_t>(x_.size()) / element_count(shape_) : 0;
  }
  std::int64_t label(std::int64_t i) const { return i % classes_; }

  void read(Part, std::span<const std::int64_t> indices, std::span<float> x,
            std::span<std::int64_t> labels, const Augmentation&, std::uint64_t) const override {
    const std::int64_t count = element_count(shape_);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      std::copy_n(x_.begin() + indices[i] * count, count,
                  x.begin() + static_cast<std::int64_t>(i) * count);
      labels[i] = label(indices[i]);
    }
  }
  const Augmentation& augmentation() const noexcept override { return augmentation_; }
  std::string spec() const override { return "memory"; }

 private:
  Shape shape_;
  std::int64_t classes_;
  std::vector<float> x_;
  Augmentation augmentation_;
};

/// Builds a graph that is a chain, but for what its nodes name themselves.
class GraphBuilder {
 public:
  explicit GraphBuilder(Shape sample_shape) {
    sample_shape.insert(sample_shape.begin(), -1);
    graph_.inputs = {{"x", ElementType::float32, std::move(sample_shape)}};
  }

  std::string constant(const std::string& name, const Shape& shape, double deviation = 0.5,
                       double mean = 0) {
    auto values = normals(element_count(shape), graph_.constants.size() + 1, deviation);
    for (float& value : values) value += static_cast<float>(mean);
    graph_.constants[name] = Constant::of(shape, std::span<const float>(values));
    return name;
  }

  std::string integers(const std::string& name, const std::vector<std::int64_t>& values) {
    graph_.constants[name] = Constant::of({static_cast<std::int64_t>(values.size())},
                                          std::span<const std::int64_t>(values));
    return name;
  }

  /// Adds a node that reads the last value, then `inputs`; returns the name of what it writes.
  std::string add(const std::string& op, std::vector<std::string> inputs = {},
                  std::map<std::string, Attribute, std::less<>> attributes = {}) {
    inputs.insert(inputs.begin(), last_);
    return add_reading(op, std::move(inputs), std::move(attributes));
  }

  /// Adds a node that reads `inputs`.
  std::string add_reading(const std::string& op, std::vector<std::string> inputs,
                          std::map<std::string, Attribute, std::less<>> attributes = {}) {
    last_ = "v" + std::to_string(graph_.nodes.size());
    graph_.nodes.push_back({last_, op, std::move(inputs), {last_}, std::move(attributes)});
    return last_;
  }

  /// y = W x + b.
  std::string dense(const std::string& name, std::int64_t in, std::int64_t out) {
    return add("Gemm", {constant(name, {out, in}), constant(name + ".bias", {out})},
               {{"transB", std::int64_t{1}}});
  }

  const std::string& last() const { return last_; }

  Graph finish(std::int64_t classes) {
    graph_.outputs = {{last_, ElementType::float32, {-1, classes}}};
    return graph_;
  }

 private:
  Graph graph_;
  std::string last_ = "x";
};

inline Network dense_network(const std::vector<std::int64_t>& widths,
                             const std::string& activation) {
  GraphBuilder builder({widths.front()});
  for (std::size_t i = 1; i < widths.size(); ++i) {
    if (i > 1 && !activation.empty()) builder.add(activation);
    builder.dense("w" + std::to_string(i), widths[i - 1], widths[i]);
  }
  return Network(builder.finish(widths.back()));
}

/// Two convolutions, normalisation, a residual connection, pools: what a ResNet is made of.
inline Network residual_network(std::int64_t classes) {
  GraphBuilder builder({3, 8, 8});
  const std::vector<std::int64_t> around = {1, 1, 1, 1}, two = {2, 2};
  builder.add("Conv", {builder.constant("stem", {6, 3, 3, 3}, 0.3), builder.constant("b", {6})},
              {{"pads", around}});
  builder.add("BatchNormalization",
              {builder.constant("scale", {6}, 0.2, 1), builder.constant("shift", {6}, 0.2),
               builder.constant("mean", {6}, 0.2), builder.constant("variance", {6}, 0.1, 1.5)});
  const auto fork = builder.add("Relu");
  builder.add("Conv", {builder.constant("branch", {6, 2, 3, 3}, 0.3)},
              {{"pads", around}, {"group", std::int64_t{3}}});
  builder.add("Add", {fork});
  builder.add("Relu");
  builder.add("MaxPool", {}, {{"kernel_shape", two}, {"strides", two}});
  builder.add(
      "AveragePool", {},
      {{"kernel_shape", std::vector<std::int64_t>{3, 3}}, {"strides", two}, {"pads", around}});
  builder.add("GlobalAveragePool");
  builder.add("Flatten");
  builder.dense("head", 6, classes);
  return Network(builder.finish(classes));
}

inline std::vector<float> to_vector(const at::Tensor& tensor) {
  const auto flat = tensor.detach().to(at::kFloat).contiguous().view(-1);
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

/// What send(scores of one sample, its index) sends back, squared per parameter and averaged over
/// samples: one sample at a time, in double sums.
template <typename Send>
ImportanceMap mean_squares(const Network& network, const MemoryDataset& data, const Send& send) {
  std::map<std::string, at::Tensor> sums;
  for (std::int64_t i = 0; i < data.size(Part::train); ++i) {
    std::map<std::string, at::Tensor, std::less<>> parameters;
    std::vector<at::Tensor> leaves;
    for (const auto& info : network.parameters()) {
      leaves.push_back(network.parameter(info.name).detach().clone().requires_grad_());
      parameters[info.name] = leaves.back();
    }
    Shape shape = data.sample_shape();
    shape.insert(shape.begin(), 1);
    const auto x = at::empty(shape);
    std::int64_t label = 0;
    data.read(Part::train, {&i, 1}, {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())},
              {&label, 1}, {}, 0);
    RunOptions options;
    options.overrides = &parameters;
    const auto scores = network.run({&x, 1}, options)[0].flatten(1);
    for (const at::Tensor& vector : send(scores.detach(), label)) {
      const auto gradients = torch::autograd::grad({scores}, leaves, {vector}, true, false, true);
      for (std::size_t p = 0; p < leaves.size(); ++p) {
        auto& sum = sums[network.parameters()[p].name];
        if (!sum.defined()) sum = at::zeros_like(leaves[p], at::kDouble);
        if (gradients[p].defined()) sum += gradients[p].to(at::kDouble).square();
      }
    }
  }
  ImportanceMap out;
  for (auto& [name, sum] : sums) {
    out[name] = to_vector(sum / static_cast<double>(data.size(Part::train)));
  }
  return out;
}

/// Largest difference, relative to the largest entry of `expected`.
inline double difference(const std::vector<float>& actual, const std::vector<float>& expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    worst = std::max(worst,
                     std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])));
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
  }
  return scale == 0 ? worst : worst / scale;
}

}  // namespace laconic::testing
