#include "graph/zoo/networks.h"

namespace laconic {

Graph build_lenet300(const Options&, const Task& task) {
  return Builder("lenet300", task.sample_shape, task.seed)
      .flatten("flatten")
      .linear("fc1", 300, Gain::relu)
      .relu("relu1")
      .linear("fc2", 100, Gain::relu)
      .relu("relu2")
      .linear("fc3", task.classes, Gain::linear)
      .finish();
}

Graph build_lenet5(const Options& options, const Task& task) {
  require_images(options, task, 16);
  // As in Caffe's example, no activation follows the convolutions.
  const ConvOptions conv{.kernel = 5, .gain = Gain::linear};
  return Builder("lenet5", task.sample_shape, task.seed)
      .conv("conv1", 20, conv)
      .max_pool("pool1", 2)
      .conv("conv2", 50, conv)
      .max_pool("pool2", 2)
      .flatten("flatten")
      .linear("fc1", 500, Gain::relu)
      .relu("relu1")
      .linear("fc2", task.classes, Gain::linear)
      .finish();
}

}  // namespace laconic
