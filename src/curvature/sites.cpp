#include "curvature/sites.h"

#include <algorithm>

#include "curvature/windows.h"

namespace laconic::curvature {
namespace {

std::size_t readers(const Graph& graph, const std::string& value) {
  std::size_t count = 0;
  for (const auto& node : graph.nodes) {
    count += static_cast<std::size_t>(std::count(node.inputs.begin(), node.inputs.end(), value));
  }
  return count;
}

/// Sums over the samples of one chunk, [g, o, k], from in [samples, g, k, l] and out
/// [columns, samples, g, o, l].
SquaredGradients squares_of_chunk(const at::Tensor& in, const at::Tensor& out) {
  const std::int64_t columns = out.size(0), n = out.size(1), g = out.size(2), o = out.size(3),
                     l = out.size(4), k = in.size(2);
  if (l == 1) {  // the square of a product is the product of squares
    const auto out2 = out.squeeze(4).square().sum(0), in2 = in.squeeze(3).square();
    return {at::bmm(out2.permute({1, 2, 0}), in2.permute({1, 0, 2})),
            (out2.sum(2) * in2.sum(2)).sum(1)};
  }
  at::Tensor squares;  // [samples, g, columns, o, k]
  if (o == 1 && k == 1) {
    squares = (in * out).sum(4).square_().permute({1, 2, 0, 3}).unsqueeze(4);
  } else {
    const auto left = out.permute({1, 2, 0, 3, 4}).reshape({n * g, columns * o, l});
    squares = at::bmm(left, in.reshape({n * g, k, l}).transpose(1, 2))
                  .square_()
                  .view({n, g, columns, o, k});
  }
  return {squares.sum(2).sum(0), squares.flatten(1).sum(1)};
}

}  // namespace

std::optional<Site> Site::find(const Graph& graph, const Target& target) {
  if (readers(graph, target.info.name) != 1) return {};
  const Node& node = graph.nodes[target.info.node];
  const std::size_t input = target.info.input;
  const Shape& shape = target.shape;
  if (node.op == "Conv" && input == 1) {
    Site site(Kind::conv_weight, node, shape);
    site.groups_ = node.integer("group", 1);
    return site;
  }
  if (node.op == "Conv" && input == 2) return Site(Kind::bias, node, shape);
  if (node.op == "MatMul" && input == 1 && shape.size() == 2) {
    Site site(Kind::matrix, node, shape);
    site.transposed_ = true;
    return site;
  }
  if (node.op == "Gemm" && node.integer("transA", 0) == 0) {
    if (input == 1) {
      Site site(Kind::matrix, node, shape);
      site.transposed_ = node.integer("transB", 0) == 0;
      site.scale_ = node.number("alpha", 1);
      return site;
    }
    const auto weight = graph.constants.find(node.inputs[1]);
    if (input == 2 && weight != graph.constants.end()) {
      const bool across = node.integer("transB", 0) != 0;
      const std::int64_t outputs = weight->second.shape()[across ? 0 : 1];
      if (element_count(shape) != outputs || shape.back() != outputs) return {};
      Site site(Kind::bias, node, shape);
      site.scale_ = node.number("beta", 1);
      return site;
    }
  }
  if (node.op == "BatchNormalization" && input >= 1) {
    constexpr Kind kinds[] = {Kind::norm_scale, Kind::norm_bias, Kind::norm_mean,
                              Kind::norm_variance};
    return Site(kinds[input - 1], node, shape);
  }
  return {};
}

std::int64_t Site::samples_at_once(const LayerPass& pass) const {
  const at::Tensor& output = pass.outputs.front();
  const std::int64_t samples = std::max<std::int64_t>(1, output.size(0));
  const auto columns = static_cast<std::int64_t>(pass.outputs.size());
  std::int64_t largest = std::max(columns * output.numel(), pass.inputs.front().numel()) / samples;
  if (kind_ == Kind::conv_weight) {
    const std::int64_t window = element_count(shape_) / shape_[0] * groups_;
    largest = std::max(largest, window * output.numel() / samples / output.size(1));
  }
  const bool has_positions = output.numel() > samples * output.size(-1) || kind_ != Kind::matrix;
  if (has_positions) largest = std::max(largest, columns * element_count(shape_));
  constexpr std::int64_t chunk_elements = 1 << 22;
  return std::max<std::int64_t>(1, chunk_elements / std::max<std::int64_t>(1, largest));
}

at::Tensor Site::factor_in(const LayerPass& pass, std::int64_t begin, std::int64_t count) const {
  const auto x = pass.inputs.front().narrow(0, begin, count);
  const auto output_shape = pass.outputs.front().sizes();
  const std::int64_t n = x.size(0);
  if (kind_ == Kind::conv_weight) {
    const auto windows =
        Windows::of(*node_, {shape_.begin() + 2, shape_.end()}, x.sizes(), output_shape);
    const auto axes = static_cast<std::int64_t>(windows.kernel.size());
    const auto view = windows.over(x, output_shape);
    std::vector<std::int64_t> order = {0, 1};  // kernel extents before positions
    for (std::int64_t i = 0; i < axes; ++i) order.push_back(2 + axes + i);
    for (std::int64_t i = 0; i < axes; ++i) order.push_back(2 + i);
    return view.permute(order).reshape({n, groups_, element_count(shape_) / shape_[0], -1});
  }
  if (kind_ == Kind::matrix) {
    return x.reshape({n, -1, x.size(-1)}).transpose(1, 2).unsqueeze(1) * scale_;
  }
  const std::int64_t channels = output_shape[1];
  const std::int64_t positions = pass.outputs.front()[0].numel() / channels;
  if (kind_ == Kind::bias) return at::full({n, 1, 1, positions}, scale_, x.options());

  // y = (x - mean) * scale / sqrt(variance + epsilon) + bias, channel by channel.
  const auto per_channel = [](const at::Tensor& t) { return t.reshape({1, -1, 1, 1}); };
  const auto centred = x.reshape({n, channels, 1, positions}) - per_channel(pass.inputs[3]);
  const auto scale = per_channel(pass.inputs[1]);
  const auto deviation = (per_channel(pass.inputs[4]) + node_->number("epsilon", 1e-5F)).sqrt();
  switch (kind_) {
    case Kind::norm_scale:
      return centred / deviation;
    case Kind::norm_mean:
      return (-scale / deviation).expand_as(centred);
    case Kind::norm_variance:
      return centred * scale / deviation.pow(3) * -0.5;
    default:
      return at::ones_like(centred);
  }
}

at::Tensor Site::factor_out(const at::Tensor& output, std::int64_t begin,
                            std::int64_t count) const {
  const auto d = output.narrow(0, begin, count);
  const std::int64_t n = d.size(0);
  switch (kind_) {
    case Kind::conv_weight:
      return d.reshape({n, groups_, d.size(1) / groups_, -1});
    case Kind::matrix:
      return d.reshape({n, -1, d.size(-1)}).transpose(1, 2).unsqueeze(1);
    case Kind::bias:
      return d.reshape({n, 1, d.size(1), -1});
    default:
      return d.reshape({n, d.size(1), 1, -1});
  }
}

at::Tensor Site::to_parameter(const at::Tensor& value) const {
  return (transposed_ ? value.transpose(1, 2) : value).reshape(shape_);
}

SquaredGradients Site::squared_gradients(const LayerPass& pass) const {
  const std::int64_t samples = pass.outputs.front().size(0), step = samples_at_once(pass);
  at::Tensor sums;
  std::vector<at::Tensor> totals;
  for (std::int64_t begin = 0; begin < samples; begin += step) {
    const std::int64_t count = std::min(step, samples - begin);
    std::vector<at::Tensor> columns;
    for (const auto& output : pass.outputs) columns.push_back(factor_out(output, begin, count));
    const auto chunk = squares_of_chunk(factor_in(pass, begin, count), at::stack(columns));
    sums = sums.defined() ? sums + chunk.sums : chunk.sums;
    totals.push_back(chunk.totals);
  }
  return {to_parameter(sums), at::cat(totals)};
}

at::Tensor Site::curvature(const LayerPass& pass) const {
  const std::int64_t samples = pass.outputs.front().size(0), step = samples_at_once(pass);
  at::Tensor sums;
  for (std::int64_t begin = 0; begin < samples; begin += step) {
    const std::int64_t count = std::min(step, samples - begin);
    const auto in = factor_in(pass, begin, count).square();
    const auto out = factor_out(pass.outputs.front(), begin, count);
    const std::int64_t n = in.size(0), g = in.size(1), k = in.size(2), o = out.size(2),
                       l = in.size(3);
    const auto chunk =
        at::bmm(out.reshape({n * g, o, l}), in.reshape({n * g, k, l}).transpose(1, 2))
            .view({n, g, o, k})
            .sum(0);
    sums = sums.defined() ? sums + chunk : chunk;
  }
  return to_parameter(sums);
}

}  // namespace laconic::curvature
