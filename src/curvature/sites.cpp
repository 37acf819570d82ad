#include "curvature/sites.h"

#include <algorithm>

#include "curvature/windows.h"

namespace laconic::curvature {

Site::Site(Kind kind, const Reader& reader, const Shape& parameter) : kind_(kind), reader_(reader) {
  for (const std::int64_t axis : reader.axes) {
    shape_.push_back(parameter[static_cast<std::size_t>(axis)]);
  }
}

std::optional<Site> Site::find(const Graph& graph, const Target& target, const Reader& reader) {
  const Node& node = *reader.node;
  const auto make = [&](Kind kind) { return Site(kind, reader, target.shape); };
  if (node.op == "Conv") {
    Site site = make(reader.input == 1 ? Kind::conv_weight : Kind::bias);
    if (reader.input == 1) site.groups_ = node.integer("group", 1);
    if (reader.input > 0) return site;
  }
  if (node.op == "ConvTranspose") {
    // Positions of the output are then not given by pads alone.
    if (node.text("auto_pad", "NOTSET") != "NOTSET" || node.has("output_shape")) return {};
    Site site = make(reader.input == 1 ? Kind::transposed_conv_weight : Kind::bias);
    if (reader.input == 1) site.groups_ = node.integer("group", 1);
    if (reader.input > 0) return site;
  }
  if (node.op == "MatMul" && reader.input == 1 && target.shape.size() == 2) {
    Site site = make(Kind::matrix);
    site.inputs_first_ = true;
    return site;
  }
  if (node.op == "Gemm" && node.integer("transA", 0) == 0) {
    const bool inputs_first = node.integer("transB", 0) == 0;
    Site site = make(reader.input == 1 ? Kind::matrix : Kind::bias);
    if (reader.input == 1) {
      site.inputs_first_ = inputs_first;
      site.scale_ = node.number("alpha", 1);
      return site;
    }
    const auto weight = graph.constants.find(node.inputs[1]);
    if (reader.input == 2 && weight != graph.constants.end()) {
      // Gemm spreads other shapes over its output.
      const std::int64_t outputs = weight->second.shape()[inputs_first ? 1 : 0];
      if (element_count(site.shape_) != outputs || site.shape_.back() != outputs) return {};
      site.scale_ = node.number("beta", 1);
      return site;
    }
  }
  if (node.op == "BatchNormalization" && reader.input > 0) {
    constexpr Kind kinds[] = {Kind::norm_scale, Kind::norm_bias, Kind::norm_mean,
                              Kind::norm_variance};
    return make(kinds[reader.input - 1]);
  }
  return {};
}

at::Tensor Site::unfold(const at::Tensor& x, at::IntArrayRef positions) const {
  const auto windows =
      Windows::of(*reader_.node, {shape_.begin() + 2, shape_.end()}, x.sizes(), positions);
  const auto axes = static_cast<std::int64_t>(windows.kernel.size());
  std::vector<std::int64_t> order = {0, 1};  // kernel extents before positions
  for (std::int64_t i = 0; i < axes; ++i) order.push_back(2 + axes + i);
  for (std::int64_t i = 0; i < axes; ++i) order.push_back(2 + i);
  const std::int64_t places = element_count(windows.kernel);
  return windows.over(x, positions)
      .permute(order)
      .reshape({x.size(0), groups_, x.size(1) / groups_ * places, -1});
}

/// y = (x - mean) * scale / sqrt(variance + epsilon) + bias, channel by channel: dy/d(parameter).
at::Tensor Site::norm_factor(const LayerPass& pass, const at::Tensor& x) const {
  const auto per_channel = [](const at::Tensor& t) { return t.reshape({1, -1, 1, 1}); };
  const auto centred = x.reshape({x.size(0), x.size(1), 1, -1}) - per_channel(pass.inputs[3]);
  const auto scale = per_channel(pass.inputs[1]);
  const auto epsilon = static_cast<double>(reader_.node->number("epsilon", 1e-5F));
  const auto deviation = (per_channel(pass.inputs[4]) + epsilon).sqrt();
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

at::Tensor Site::factor_in(const LayerPass& pass, std::int64_t begin, std::int64_t count) const {
  const auto x = pass.inputs.front().narrow(0, begin, count);
  const at::Tensor& output = pass.outputs.front();
  switch (kind_) {
    case Kind::conv_weight:
      return unfold(x, output.sizes());
    case Kind::transposed_conv_weight:
      return x.reshape({count, groups_, x.size(1) / groups_, -1});
    case Kind::matrix:
      return x.reshape({count, -1, x.size(-1)}).transpose(1, 2).unsqueeze(1) * scale_;
    case Kind::bias:
      return at::full({count, 1, 1, output[0].numel() / output.size(1)}, scale_, x.options());
    default:
      return norm_factor(pass, x);
  }
}

at::Tensor Site::factor_out(const LayerPass& pass, std::int64_t begin, std::int64_t count) const {
  std::vector<at::Tensor> columns;
  for (const auto& output : pass.outputs) {
    const auto d = output.narrow(0, begin, count);
    switch (kind_) {
      case Kind::conv_weight:
        columns.push_back(d.reshape({count, groups_, d.size(1) / groups_, -1}));
        break;
      case Kind::transposed_conv_weight:
        columns.push_back(unfold(d, pass.inputs.front().sizes()));
        break;
      case Kind::matrix:
        columns.push_back(d.reshape({count, -1, d.size(-1)}).transpose(1, 2).unsqueeze(1));
        break;
      case Kind::bias:
        columns.push_back(d.reshape({count, 1, d.size(1), -1}));
        break;
      default:
        columns.push_back(d.reshape({count, d.size(1), 1, -1}));
    }
  }
  return at::stack(columns);
}

at::Tensor Site::to_parameter(const at::Tensor& values) const {
  const bool swapped = inputs_first_ || kind_ == Kind::transposed_conv_weight;
  Shape shape = shape_;
  shape.insert(shape.begin(), values.size(0));
  const auto as_read = (swapped ? values.transpose(2, 3) : values).reshape(shape);
  std::vector<std::int64_t> inverse(shape.size(), 0);
  for (std::size_t i = 0; i < reader_.axes.size(); ++i) {
    inverse[static_cast<std::size_t>(reader_.axes[i]) + 1] = static_cast<std::int64_t>(i) + 1;
  }
  return as_read.permute(inverse);
}

std::int64_t Site::factor_size(const LayerPass& pass) const {
  const at::Tensor &x = pass.inputs.front(), &y = pass.outputs.front();
  const std::int64_t samples = std::max<std::int64_t>(1, y.size(0));
  const auto columns = static_cast<std::int64_t>(pass.outputs.size());
  std::int64_t in = x.numel(), out = y.numel();
  if (kind_ == Kind::conv_weight || kind_ == Kind::transposed_conv_weight) {
    const std::int64_t places = element_count(shape_) / shape_[0] / shape_[1];
    if (kind_ == Kind::conv_weight) in = y.numel() / y.size(1) * x.size(1) * places;
    if (kind_ != Kind::conv_weight) out = x.numel() / x.size(1) * y.size(1) * places;
  }
  return std::max(in, columns * out) / samples;
}

bool Site::one_position(const LayerPass& pass) const {
  const at::Tensor& output = pass.outputs.front();
  return kind_ == Kind::matrix && output.dim() == 2;
}

std::vector<Site> sites_of(const Graph& graph, const Target& target) {
  std::vector<Site> sites;
  for (const auto& reader : readers_of(graph, target.info.name).nodes) {
    const auto site = Site::find(graph, target, reader);
    if (!site) return {};
    sites.push_back(*site);
  }
  return sites;
}

}  // namespace laconic::curvature
