// The networks on which weights of one and two bits are compared since BinaryConnect: batch
// normalisation after every layer, the last one too, as the square hinge loss wants it.

#include <fmt/format.h>

#include "graph/zoo/networks.h"

namespace laconic {
namespace {

/// The output layer, with normalisation unless the loss is a cross-entropy.
Graph finish(Builder& net, const Options& options, std::int64_t classes) {
  net.linear("output", classes, Gain::linear);
  if (options.flag("norm")) net.batch_norm("output.bn");
  return net.finish();
}

void add_hidden(Builder& net, std::int64_t count, std::int64_t units) {
  for (std::int64_t i = 1; i <= count; ++i) {
    net.linear(fmt::format("fc{}", i), units, Gain::relu);
    net.batch_norm(fmt::format("fc{}.bn", i)).relu(fmt::format("fc{}.relu", i));
  }
}

}  // namespace

Graph build_perceptron(const Options& options, const Task& task) {
  Builder net("perceptron", task.sample_shape, task.seed);
  net.flatten("flatten");
  add_hidden(net, options.integer("layers"), options.integer("width"));
  return finish(net, options, task.classes);
}

Graph build_vgg_small(const Options& options, const Task& task) {
  require_images(options, task, 8);
  const auto width = options.integer("width");
  Builder net("vgg_small", task.sample_shape, task.seed);
  for (std::int64_t i = 1; i <= 6; ++i) {
    const auto name = fmt::format("conv{}", i);
    net.conv(name, width << ((i - 1) / 2), {.kernel = 3, .padding = 1});
    if (i % 2 == 0) net.max_pool(name + ".pool", 2);
    net.batch_norm(name + ".bn").relu(name + ".relu");
  }
  net.flatten("flatten");
  add_hidden(net, 2, 8 * width);
  return finish(net, options, task.classes);
}

}  // namespace laconic
