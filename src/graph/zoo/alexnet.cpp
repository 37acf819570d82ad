#include "graph/zoo/networks.h"

namespace laconic {

Graph build_alexnet(const Options& options, const Task& task) {
  require_images(options, task, 63);
  const auto width = options.integer("width");
  const PoolOptions pool{.size = 3, .stride = 2};
  // As Caffe's: grouped convolutions stand for the two GPUs' halves.
  const auto channels = [&](std::int64_t of_96) { return of_96 * width / 96 / 2 * 2; };
  return Builder("alexnet", task.sample_shape, task.seed)
      .conv("conv1", channels(96), {.kernel = 11, .stride = 4, .padding = 2})
      .relu("relu1")
      .lrn("norm1", 5, 1e-4F, 0.75F, 1)
      .pool("pool1", pool)
      .conv("conv2", channels(256), {.kernel = 5, .padding = 2, .groups = 2})
      .relu("relu2")
      .lrn("norm2", 5, 1e-4F, 0.75F, 1)
      .pool("pool2", pool)
      .conv("conv3", channels(384), {.kernel = 3, .padding = 1})
      .relu("relu3")
      .conv("conv4", channels(384), {.kernel = 3, .padding = 1, .groups = 2})
      .relu("relu4")
      .conv("conv5", channels(256), {.kernel = 3, .padding = 1, .groups = 2})
      .relu("relu5")
      .pool("pool5", pool)
      .flatten("flatten")
      .linear("fc6", channels(4096), Gain::relu)
      .relu("relu6")
      .dropout("drop6", 0.5)
      .linear("fc7", channels(4096), Gain::relu)
      .relu("relu7")
      .dropout("drop7", 0.5)
      .linear("fc8", task.classes, Gain::linear)
      .finish();
}

Graph build_cifar10_quick(const Options& options, const Task& task) {
  require_images(options, task, 12);
  const ConvOptions conv{.kernel = 5, .padding = 2};
  const PoolOptions max{.size = 3, .stride = 2, .ceil = true};
  const PoolOptions average{.kind = PoolKind::average, .size = 3, .stride = 2, .ceil = true};
  // The first pool comes before its activation, as in Caffe's examples/cifar10.
  return Builder("cifar10_quick", task.sample_shape, task.seed)
      .conv("conv1", 32, conv)
      .pool("pool1", max)
      .relu("relu1")
      .conv("conv2", 32, conv)
      .relu("relu2")
      .pool("pool2", average)
      .conv("conv3", 64, conv)
      .relu("relu3")
      .pool("pool3", average)
      .flatten("flatten")
      .linear("ip1", 64, Gain::linear)
      .linear("ip2", task.classes, Gain::linear)
      .finish();
}

}  // namespace laconic
