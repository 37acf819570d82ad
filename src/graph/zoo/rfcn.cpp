// R-FCN's convolutional part: a residual backbone whose last stage is dilated instead of shrunk, a
// head that says of every anchor whether and where there is an object, and score maps that regions
// are pooled from.

#include <fmt/format.h>

#include <array>

#include "graph/zoo/networks.h"
#include "graph/zoo/residual.h"
#include "laconic/detection.h"
#include "laconic/error.h"

namespace laconic {
namespace {

DetectorForm form_of(const Options& options, const Task& task, std::int64_t stride) {
  DetectorForm form;
  for (std::int64_t i = 1; i <= task.classes; ++i) form.classes.push_back(fmt::format("{}", i));
  form.stride = stride;
  form.bins = options.integer("bins");
  form.sizes = options.numbers("sizes");
  form.ratios = options.numbers("ratios");
  return form;
}

struct Heads {
  Place proposals;  ///< What the proposal head looks at,
  Place scores;     ///< and what score maps are computed from.
  std::int64_t proposal_channels;
};

Graph finish(Builder& net, const DetectorForm& form, const Heads& heads) {
  constexpr ConvOptions last{.kernel = 1, .gain = Gain::small};
  const auto bins = form.bins * form.bins;
  net.go_to(heads.proposals);
  conv_norm(net, "rpn.conv", "rpn.bn", heads.proposal_channels, {});
  const auto head = net.relu("rpn.relu").place();
  const auto objectness = net.conv("objectness", form.anchors(), last).place();
  const auto shifts = net.go_to(head).conv("shifts", 4 * form.anchors(), last).place();
  const auto classes =
      net.go_to(heads.scores).conv("classes", (form.class_count() + 1) * bins, last).place();
  const auto boxes = net.go_to(heads.scores).conv("boxes", 4 * bins, last).place();
  Graph graph = net.finish({objectness, shifts, classes, boxes});
  graph.name = form.spec();
  try {
    (void)detector_form(graph);
  } catch (const Error& error) {
    fail(ErrorCode::invalid_argument, "{}", error.what());
  }
  return graph;
}

Graph build_on_resnet(const Options& options, const Task& task, const std::array<int, 4>& blocks,
                      bool bottleneck) {
  require_images(options, task, 32);
  const auto width = options.integer("width");
  Builder net("", task.sample_shape, task.seed);
  conv_norm(net, "conv1", "bn1", width, {.kernel = 7, .stride = 2});
  net.relu("relu1").pool("maxpool", {.size = 3, .stride = 2, .padding = 1});
  Place before_last;
  // In place of the last stage's stride, what comes after it is dilated: then a cell in two is what
  // the classifier with the same weights computes.
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    const bool dilated = stage == 3;
    if (dilated) before_last = net.place();
    for (int block = 0; block < blocks[stage]; ++block) {
      residual_block(net, fmt::format("layer{}.{}", stage + 1, block),
                     {.channels = width << stage,
                      .stride = stage > 0 && !dilated && block == 0 ? 2 : 1,
                      .bottleneck = bottleneck,
                      .first_dilation = dilated && block > 0 ? 2 : 1,
                      .dilation = dilated ? 2 : 1});
    }
  }
  // Dai et al.: 1024 channels for 64 of the first layer; the proposal head has half of them.
  net.conv("reduce", 16 * width, {.kernel = 1}).relu("reduce.relu");
  return finish(net, form_of(options, task, 16), {before_last, net.place(), 8 * width});
}

}  // namespace

Graph build_rfcn_small(const Options& options, const Task& task) {
  require_images(options, task, 32);
  const auto width = options.integer("width");
  Builder net("", task.sample_shape, task.seed);
  conv_norm(net, "conv1", "bn1", width, {.stride = 2});
  net.relu("relu1");
  residual_block(net, "layer1.0", {.channels = 2 * width, .stride = 2});
  residual_block(net, "layer2.0", {.channels = 4 * width, .stride = 2});
  residual_block(net, "layer2.1", {.channels = 4 * width});
  const auto before_last = net.place();
  residual_block(net, "layer3.0", {.channels = 6 * width, .first_dilation = 2, .dilation = 2});
  return finish(net, form_of(options, task, 8), {before_last, net.place(), 4 * width});
}

Graph build_rfcn_resnet18(const Options& options, const Task& task) {
  return build_on_resnet(options, task, {2, 2, 2, 2}, false);
}

Graph build_rfcn_resnet34(const Options& options, const Task& task) {
  return build_on_resnet(options, task, {3, 4, 6, 3}, false);
}

Graph build_rfcn_resnet50(const Options& options, const Task& task) {
  return build_on_resnet(options, task, {3, 4, 6, 3}, true);
}

Graph build_rfcn_resnet101(const Options& options, const Task& task) {
  return build_on_resnet(options, task, {3, 4, 23, 3}, true);
}

}  // namespace laconic
