#include <fmt/format.h>

#include "graph/zoo/networks.h"

namespace laconic {
namespace {

/// Two 3x3 convolutions beside a shortcut without parameters.
void add_block(Builder& net, const std::string& name, std::int64_t channels, std::int64_t stride) {
  const bool same = stride == 1 && net.shape()[0] == channels;
  const std::string shortcut = same ? net.value() : net.shrink(name + ".shortcut", channels);
  const ConvOptions first{.kernel = 3, .stride = stride, .padding = 1, .bias = false};
  const ConvOptions second{.kernel = 3, .padding = 1, .bias = false};
  net.conv(name + ".conv1", channels, first).batch_norm(name + ".bn1").relu(name + ".relu1");
  net.conv(name + ".conv2", channels, second).batch_norm(name + ".bn2");
  net.add(name + ".add", shortcut);
  net.relu(name + ".relu2");
}

}  // namespace

Graph build_resnet(const Options& options, const Task& task, std::int64_t depth) {
  require_images(options, task, 4);
  const auto width = options.integer("width");
  Builder net(fmt::format("resnet{}", depth), task.sample_shape, task.seed);
  net.conv("conv1", width, {.kernel = 3, .padding = 1, .bias = false});
  net.batch_norm("bn1").relu("relu1");
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < (depth - 2) / 6; ++block) {
      add_block(net, fmt::format("layer{}.{}", stage + 1, block), width << stage,
                stage > 0 && block == 0 ? 2 : 1);
    }
  }
  return net.global_average_pool("pool")
      .flatten("flatten")
      .linear("linear", task.classes, Gain::linear)
      .finish();
}

}  // namespace laconic
