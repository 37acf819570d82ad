#include "graph/zoo/residual.h"

namespace laconic {

void conv_norm(Builder& net, const std::string& conv, const std::string& norm,
               std::int64_t channels, const ConvOptions& options) {
  ConvOptions padded = options;
  padded.padding = options.dilation * (options.kernel / 2);
  padded.bias = false;
  net.conv(conv, channels, padded).batch_norm(norm);
}

void residual_block(Builder& net, const std::string& name, const BlockOptions& options) {
  const auto [channels, stride, bottleneck, first_dilation, dilation] = options;
  const auto start = net.place();
  const auto out = bottleneck ? 4 * channels : channels;
  std::string shortcut = start.value;
  if (stride != 1 || start.shape[0] != out) {
    conv_norm(net, name + ".downsample.0", name + ".downsample.1", out,
              {.kernel = 1, .stride = stride});
    shortcut = net.value();
  }
  net.go_to(start);
  if (bottleneck) {
    conv_norm(net, name + ".conv1", name + ".bn1", channels, {.kernel = 1});
    net.relu(name + ".relu1");
    conv_norm(net, name + ".conv2", name + ".bn2", channels,
              {.stride = stride, .dilation = first_dilation});
    net.relu(name + ".relu2");
    conv_norm(net, name + ".conv3", name + ".bn3", out, {.kernel = 1});
  } else {
    conv_norm(net, name + ".conv1", name + ".bn1", channels,
              {.stride = stride, .dilation = first_dilation});
    net.relu(name + ".relu1");
    conv_norm(net, name + ".conv2", name + ".bn2", channels, {.dilation = dilation});
  }
  net.add(name + ".add", shortcut).relu(name + ".relu");
}

}  // namespace laconic
