#include "train/post/linear_layer.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "laconic/error.h"

namespace laconic {
namespace {

/// Nodes that read a value, with the input's position.
using Readers = std::multimap<std::string_view, std::pair<std::size_t, std::size_t>>;

Readers readers_of(const Graph& graph) {
  Readers readers;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (std::size_t i = 0; i < graph.nodes[n].inputs.size(); ++i) {
      readers.emplace(graph.nodes[n].inputs[i], std::pair{n, i});
    }
  }
  return readers;
}

/// The layer of a weight that `node` reads, if it is one of those described in the header.
std::optional<LinearLayer> layer_of(const Graph& graph, const Readers& readers,
                                    const ParameterInfo& info) {
  const Node* node = &graph.nodes[info.node];
  const auto& shape = graph.constants.find(info.name)->second.shape();
  if (shape.size() < 2 || readers.count(info.name) != 1) return {};
  const std::int64_t rows = shape[0], cols = rows > 0 ? element_count(shape) / rows : 0;
  if (rows == 0 || cols == 0) return {};
  if (node->op == "Conv" && info.input == 1 && (shape.size() == 3 || shape.size() == 4)) {
    return LinearLayer{info.name, info.node, 0, rows, cols, node->integer("group", 1)};
  }
  if (node->op == "Gemm" && info.input == 1 && shape.size() == 2 &&
      node->integer("transB", 0) == 1 && node->integer("transA", 0) == 0) {
    return LinearLayer{info.name, info.node, 0, rows, cols, 1};
  }
  // The importer keeps MatMul's weights with the output channel first, behind a Transpose.
  if (node->op == "Transpose" && shape.size() == 2 && readers.count(node->outputs[0]) == 1) {
    const auto [reader, input] = readers.find(node->outputs[0])->second;
    if (graph.nodes[reader].op == "MatMul" && input == 1) {
      return LinearLayer{info.name, reader, 0, rows, cols, 1};
    }
  }
  return {};
}

/// Where a convolution's windows lie, as a two-dimensional one.
struct Windows {
  std::int64_t height = 1, width = 1;  ///< Of the input.
  std::int64_t kernel[2] = {1, 1}, stride[2] = {1, 1}, dilation[2] = {1, 1}, pad[2] = {0, 0};
  std::int64_t out[2] = {1, 1};
};

Windows windows_of(const Node& node, const Shape& weight, const at::Tensor& x) {
  Windows windows;
  const std::size_t dims = weight.size() - 2;
  const auto strides = node.integers("strides", std::vector<std::int64_t>(dims, 1));
  const auto dilations = node.integers("dilations", std::vector<std::int64_t>(dims, 1));
  const auto pads = node.integers("pads", std::vector<std::int64_t>(2 * dims, 0));
  const auto auto_pad = node.text("auto_pad", "NOTSET");
  for (std::size_t d = 0; d < dims; ++d) {
    const std::size_t to = d + 2 - dims;  // One dimension is the width.
    const auto size = x.size(static_cast<std::int64_t>(d) + 2);
    (to == 0 ? windows.height : windows.width) = size;
    windows.kernel[to] = weight[d + 2];
    windows.stride[to] = strides[d];
    windows.dilation[to] = dilations[d];
    const auto reach = dilations[d] * (weight[d + 2] - 1) + 1;
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
      windows.out[to] = (size + strides[d] - 1) / strides[d];
      const auto all = std::max<std::int64_t>(0, (windows.out[to] - 1) * strides[d] + reach - size);
      windows.pad[to] = auto_pad == "SAME_UPPER" ? all / 2 : (all + 1) / 2;
    } else {
      windows.pad[to] = pads[d];
      windows.out[to] = (size + pads[d] + pads[dims + d] - reach) / strides[d] + 1;
    }
  }
  return windows;
}

/// One window, zero where it reaches outside: channels x kernel numbers, written to `to`.
void copy_window(const Windows& w, const float* sample, std::int64_t channels,
                 std::int64_t position, float* to) {
  const auto top = position / w.out[1] * w.stride[0] - w.pad[0];
  const auto left = position % w.out[1] * w.stride[1] - w.pad[1];
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t i = 0; i < w.kernel[0]; ++i) {
      const auto y = top + i * w.dilation[0];
      for (std::int64_t j = 0; j < w.kernel[1]; ++j) {
        const auto x = left + j * w.dilation[1];
        const bool inside = y >= 0 && y < w.height && x >= 0 && x < w.width;
        *to++ = inside ? sample[(c * w.height + y) * w.width + x] : 0;
      }
    }
  }
}

}  // namespace

std::vector<LinearLayer> linear_layers(const Graph& graph) {
  const auto readers = readers_of(graph);
  std::vector<LinearLayer> layers;
  for (const auto& info : parameters(graph)) {
    if (auto layer = layer_of(graph, readers, info)) layers.push_back(std::move(*layer));
  }
  std::stable_sort(layers.begin(), layers.end(),
                   [](const auto& a, const auto& b) { return a.node < b.node; });
  return layers;
}

at::Tensor input_windows(const Graph& graph, const LinearLayer& layer,
                         const at::Tensor& activations, std::int64_t limit) {
  const Node& node = graph.nodes[layer.node];
  if (node.op != "Conv") return activations.reshape({1, -1, layer.cols});

  const auto& shape = graph.constants.find(layer.weight)->second.shape();
  const auto x = activations.contiguous();
  const Windows windows = windows_of(node, shape, x);
  const auto samples = x.size(0), channels = x.size(1),
             per_sample = windows.out[0] * windows.out[1];
  const auto picks =
      std::clamp<std::int64_t>(limit / std::max<std::int64_t>(1, samples), 1, per_sample);
  const auto per_group = channels / layer.groups;
  auto out = at::empty({layer.groups, samples * picks, layer.cols}, at::kFloat);
  float* to = out.data_ptr<float>();
  const auto plane = windows.height * windows.width;
  for (std::int64_t group = 0; group < layer.groups; ++group) {
    for (std::int64_t n = 0; n < samples; ++n) {
      const float* sample = x.data_ptr<float>() + (n * channels + group * per_group) * plane;
      for (std::int64_t i = 0; i < picks; ++i, to += layer.cols) {
        // Multiples of the golden ratio spread evenly over rows and columns of an image alike.
        const double turn = static_cast<double>(i) * std::numbers::phi;
        const auto position = picks == per_sample
                                  ? i
                                  : static_cast<std::int64_t>((turn - std::floor(turn)) *
                                                              static_cast<double>(per_sample));
        copy_window(windows, sample, per_group, position, to);
      }
    }
  }
  return out;
}

}  // namespace laconic
