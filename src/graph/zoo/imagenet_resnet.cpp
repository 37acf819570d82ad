#include <fmt/format.h>

#include <array>

#include "graph/zoo/networks.h"

namespace laconic {
namespace {

void conv_norm(Builder& net, const std::string& conv, const std::string& norm,
               std::int64_t channels, std::int64_t kernel, std::int64_t stride) {
  net.conv(conv, channels,
           {.kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false});
  net.batch_norm(norm);
}

/// Shortcuts of option B: a 1x1 convolution where the shape changes.
void add_block(Builder& net, const std::string& name, std::int64_t channels, std::int64_t stride,
               bool bottleneck) {
  const auto start = net.place();
  const auto out = bottleneck ? 4 * channels : channels;
  std::string shortcut = start.value;
  if (stride != 1 || start.shape[0] != out) {
    conv_norm(net, name + ".downsample.0", name + ".downsample.1", out, 1, stride);
    shortcut = net.value();
  }
  net.go_to(start);
  if (bottleneck) {
    conv_norm(net, name + ".conv1", name + ".bn1", channels, 1, 1);
    net.relu(name + ".relu1");
    conv_norm(net, name + ".conv2", name + ".bn2", channels, 3, stride);
    net.relu(name + ".relu2");
    conv_norm(net, name + ".conv3", name + ".bn3", out, 1, 1);
  } else {
    conv_norm(net, name + ".conv1", name + ".bn1", channels, 3, stride);
    net.relu(name + ".relu1");
    conv_norm(net, name + ".conv2", name + ".bn2", channels, 3, 1);
  }
  net.add(name + ".add", shortcut).relu(name + ".relu");
}

Graph build(const Options& options, const Task& task, std::string_view network,
            const std::array<int, 4>& blocks, bool bottleneck) {
  require_images(options, task, 32);
  const auto width = options.integer("width");
  Builder net(network, task.sample_shape, task.seed);
  conv_norm(net, "conv1", "bn1", width, 7, 2);
  net.relu("relu1").pool("maxpool", {.size = 3, .stride = 2, .padding = 1});
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    for (int block = 0; block < blocks[stage]; ++block) {
      add_block(net, fmt::format("layer{}.{}", stage + 1, block), width << stage,
                stage > 0 && block == 0 ? 2 : 1, bottleneck);
    }
  }
  return net.global_average_pool("avgpool")
      .flatten("flatten")
      .linear("fc", task.classes, Gain::linear)
      .finish();
}

}  // namespace

Graph build_resnet18(const Options& options, const Task& task) {
  return build(options, task, "resnet18", {2, 2, 2, 2}, false);
}

Graph build_resnet50(const Options& options, const Task& task) {
  return build(options, task, "resnet50", {3, 4, 6, 3}, true);
}

}  // namespace laconic
