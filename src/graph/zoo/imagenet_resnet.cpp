#include <fmt/format.h>

#include <array>

#include "graph/zoo/networks.h"
#include "graph/zoo/residual.h"

namespace laconic {
namespace {

Graph build(const Options& options, const Task& task, std::string_view network,
            const std::array<int, 4>& blocks, bool bottleneck) {
  require_images(options, task, 32);
  const auto width = options.integer("width");
  Builder net(network, task.sample_shape, task.seed);
  conv_norm(net, "conv1", "bn1", width, {.kernel = 7, .stride = 2});
  net.relu("relu1").pool("maxpool", {.size = 3, .stride = 2, .padding = 1});
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    for (int block = 0; block < blocks[stage]; ++block) {
      residual_block(net, fmt::format("layer{}.{}", stage + 1, block),
                     {.channels = width << stage,
                      .stride = stage > 0 && block == 0 ? 2 : 1,
                      .bottleneck = bottleneck});
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

Graph build_resnet34(const Options& options, const Task& task) {
  return build(options, task, "resnet34", {3, 4, 6, 3}, false);
}

Graph build_resnet50(const Options& options, const Task& task) {
  return build(options, task, "resnet50", {3, 4, 6, 3}, true);
}

Graph build_resnet101(const Options& options, const Task& task) {
  return build(options, task, "resnet101", {3, 4, 23, 3}, true);
}

}  // namespace laconic
