#include <fmt/format.h>

#include <array>

#include "graph/zoo/networks.h"

namespace laconic {

Graph build_vgg16(const Options& options, const Task& task) {
  require_images(options, task, 32);
  const auto width = options.integer("width");
  constexpr std::array convolutions = {2, 2, 3, 3, 3};
  Builder net("vgg16", task.sample_shape, task.seed);
  for (std::size_t stage = 0; stage < convolutions.size(); ++stage) {
    const auto channels = width << std::min<std::size_t>(stage, 3);
    for (int i = 1; i <= convolutions[stage]; ++i) {
      const auto name = fmt::format("{}_{}", stage + 1, i);
      net.conv("conv" + name, channels, {.kernel = 3, .padding = 1}).relu("relu" + name);
    }
    net.max_pool(fmt::format("pool{}", stage + 1), 2);
  }
  net.flatten("flatten");
  for (const auto* name : {"6", "7"}) {
    const std::string number = name;
    net.linear("fc" + number, 64 * width, Gain::relu).relu("relu" + number);
    net.dropout("drop" + number, 0.5);
  }
  return net.linear("fc8", task.classes, Gain::linear).finish();
}

}  // namespace laconic
