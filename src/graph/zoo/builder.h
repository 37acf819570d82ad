// Building a network layer by layer. Each layer is named as in PyTorch: node "layer1.0.conv1" with
// parameters "layer1.0.conv1.weight" and "layer1.0.conv1.bias" writes value "layer1.0.conv1".

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/graph.h"

namespace laconic {

/// How a layer's initial weights are scaled.
enum class Gain {
  relu,    ///< He's: variance 2 / fan-in, for layers whose output goes through a ReLU.
  linear,  ///< Variance 1 / fan-in.
  small,   ///< Deviation 0.01, whatever the fan-in: first answers are near zero.
};

struct ConvOptions {
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool bias = true;
  Gain gain = Gain::relu;
  std::int64_t groups = 1;  ///< Channels in and out are divided into so many.
  std::int64_t dilation = 1;
};

enum class PoolKind { max, average };

/// Windows of `size`, cut off at the border where `ceil` is set: as many as begin within the padded
/// image. Averages leave out the padding.
struct PoolOptions {
  PoolKind kind = PoolKind::max;
  std::int64_t size = 2;
  std::int64_t stride = 2;
  std::int64_t padding = 0;
  bool ceil = false;
};

/// A value to go back to: branches begin at one.
struct Place {
  std::string value;
  Shape shape;
};

/// Layers take and return the name of a value. Extents of values (without the batch) are tracked,
/// so that layers know how many channels they see.
class Builder {
 public:
  Builder(std::string_view network, const Shape& sample_shape, std::uint64_t seed);

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }  ///< Of the last value.
  [[nodiscard]] const std::string& value() const noexcept { return value_; }  ///< Its name.

  Builder& conv(const std::string& name, std::int64_t channels, const ConvOptions& options);
  Builder& linear(const std::string& name, std::int64_t features, Gain gain);
  Builder& batch_norm(const std::string& name);
  Builder& relu(const std::string& name);
  Builder& max_pool(const std::string& name, std::int64_t size);
  Builder& pool(const std::string& name, const PoolOptions& options);
  Builder& global_average_pool(const std::string& name);
  Builder& flatten(const std::string& name);

  [[nodiscard]] Place place() const { return {value_, shape_}; }
  Builder& go_to(const Place& place);

  /// Joins the channels of values that differ in nothing else.
  Builder& concat(const std::string& name, const std::vector<Place>& parts);

  /// Dropout in training, by that probability; nothing otherwise.
  Builder& dropout(const std::string& name, double probability);

  /// Local response normalisation across channels.
  Builder& lrn(const std::string& name, std::int64_t size, float alpha, float beta, float bias);

  /// Adds another value of the same shape to the last one.
  Builder& add(const std::string& name, const std::string& other);

  /// A side branch, He et al.'s option A for where the shape changes: every second row and column
  /// of the last value, with channels of zeros on both sides. Returns the name of the result.
  std::string shrink(const std::string& name, std::int64_t channels);

  /// The last value becomes the output "logits".
  [[nodiscard]] Graph finish();

  /// These values become the outputs, under their names.
  [[nodiscard]] Graph finish(const std::vector<Place>& outputs);

 private:
  Builder& append(Node node, Shape shape);
  std::string random(const std::string& name, const Shape& shape, Gain gain);
  std::string fill(const std::string& name, std::int64_t count, float value);
  std::string list(const std::string& name, const std::vector<std::int64_t>& values);

  Graph graph_;
  std::uint64_t seed_;
  std::string value_ = "input";
  Shape shape_;
};

}  // namespace laconic
