// The functions behind the rows of the zoo's table. Each throws Error(invalid_argument) if it does
// not take samples of the given shape.

#pragma once

#include "graph/zoo/builder.h"
#include "laconic/spec.h"

namespace laconic {

/// What a network is built for.
struct Task {
  Shape sample_shape;
  std::int64_t classes;
  std::uint64_t seed;
};

Graph build_lenet300(const Options& options, const Task& task);
Graph build_lenet5(const Options& options, const Task& task);

Graph build_perceptron(const Options& options, const Task& task);
Graph build_vgg_small(const Options& options, const Task& task);
Graph build_char_lstm(const Options& options, const Task& task);
Graph build_cifar10_quick(const Options& options, const Task& task);
Graph build_alexnet(const Options& options, const Task& task);
Graph build_vgg16(const Options& options, const Task& task);
Graph build_googlenet(const Options& options, const Task& task);
Graph build_resnet18(const Options& options, const Task& task);
Graph build_resnet34(const Options& options, const Task& task);
Graph build_resnet50(const Options& options, const Task& task);
Graph build_resnet101(const Options& options, const Task& task);

/// The convolutional part of R-FCN, its name the spec of a DetectorForm with classes named 1 to
/// task.classes.
Graph build_rfcn_small(const Options& options, const Task& task);
Graph build_rfcn_resnet18(const Options& options, const Task& task);
Graph build_rfcn_resnet34(const Options& options, const Task& task);
Graph build_rfcn_resnet50(const Options& options, const Task& task);
Graph build_rfcn_resnet101(const Options& options, const Task& task);

/// `depth` is 6n+2: three stages of n blocks of two convolutions each.
Graph build_resnet(const Options& options, const Task& task, std::int64_t depth);

/// Checks that samples are images [channels, height, width] of at least `size` on each side.
void require_images(const Options& options, const Task& task, std::int64_t size);

}  // namespace laconic
