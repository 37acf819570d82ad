// Convolutions over one to three spatial axes, and their transposes: with constant weights over one
// or two axes by packed layers, others by plain loops.

#include <algorithm>
#include <array>

#include "runtime/images.h"
#include "runtime/layer.h"
#include "runtime/ops/plain_products.h"

namespace laconic::runtime {
namespace {

/// Spatial extents, with 1 in front where there is only one axis.
std::array<std::int64_t, 2> plane(const Shape& shape) {
  return {shape.size() > 3 ? shape[2] : 1, shape.back()};
}

ConvGeometry geometry_of(const Window& window, std::int64_t groups) {
  ConvGeometry geometry;
  geometry.groups = groups;
  for (std::size_t i = 0; i < window.rank(); ++i) {
    const auto axis = 2 - window.rank() + i;
    geometry.stride[axis] = window.strides[i];
    geometry.dilation[axis] = window.dilations[i];
    geometry.pad_begin[axis] = window.begins[i];
    geometry.pad_end[axis] = window.ends[i];
  }
  return geometry;
}

/// Runs a packed convolution on values of two signatures.
struct ConvRun {
  std::int64_t batch, in;
  std::array<std::int64_t, 2> x_plane, y_plane;
  Layout x_layout, y_layout;

  void operator()(const PackedConv& packed, const float* x, float* y, const Epilogue& epilogue,
                  Workspace& workspace) const {
    packed.run({x, batch, in, x_plane[0], x_plane[1], x_layout},
               {y, batch, packed.out_channels(), y_plane[0], y_plane[1], y_layout}, epilogue,
               workspace);
  }

  [[nodiscard]] std::chrono::nanoseconds time(const PackedConv& packed) const {
    const auto images = static_cast<std::size_t>(batch);
    const auto x_count = images * static_cast<std::size_t>(in * x_plane[0] * x_plane[1]);
    const auto y_count =
        images * static_cast<std::size_t>(packed.out_channels() * y_plane[0] * y_plane[1]);
    const std::vector<float> x(x_count, 0.5F);
    std::vector<float> y(y_count);
    Workspace workspace;
    return measure([&] { (*this)(packed, x.data(), y.data(), {}, workspace); });
  }
};

MakePrepared choose_conv(LayerTask task, const ConvGeometry& geometry, const ConvRun& run) {
  const auto pack = [geometry](const Weights& weights, Activations activations) {
    return std::visit(
        [&](const auto& t) { return PackedConv::pack(t, geometry, {.activations = activations}); },
        weights);
  };
  const auto time = [run](const PackedConv& packed) { return run.time(packed); };
  return choose_layer<PackedConv>(std::move(task), pack, time);
}

Planned packed_conv(const Call& call, const Window& window, std::int64_t groups,
                    const Signature& output) {
  const Signature& x = call[0];
  const Fused fused = read_fused(call, output.shape[1], output);
  Planned planned{{output}, {}};
  planned.packs = true;
  planned.deferred = call.only_shapes;
  const ConvRun run{x.shape[0],          x.shape[1], plane(x.shape),
                    plane(output.shape), x.layout,   output.layout};
  call.prepare(call[1].count(),
               [task = task_of(call, groups == 1), geometry = geometry_of(window, groups), run] {
                 return choose_conv(task, geometry, run);
               });
  if (call.only_shapes) return planned;
  const auto layer = std::static_pointer_cast<const Layer<PackedConv>>(call.prepared);
  planned.in_place = call.has(3) ? 3 : -1;
  planned.workspace = layer->packed.workspace_bytes(run.x_plane[0], run.x_plane[1]);
  planned.run = [layer, run, fused](const Memory& memory) {
    run(layer->packed, memory.in(0), memory.out(), fused.epilogue(memory), *memory.workspace);
  };
  return planned;
}

/// Three entries: those of `values` with `fill` in front.
Integers three(Integers values, std::int64_t fill) {
  values.insert(values.begin(), 3 - values.size(), fill);
  return values;
}

/// `small` slides: the output of a convolution, the input of a transposed one.
PlainConv plain(const Window& window, std::int64_t batch, std::int64_t groups, const Shape& large,
                const Shape& small) {
  PlainConv conv;
  conv.batch = batch;
  conv.groups = groups;
  conv.kernel = three(window.kernel, 1);
  conv.strides = three(window.strides, 1);
  conv.dilations = three(window.dilations, 1);
  conv.begins = three(window.begins, 0);
  conv.x = three({large.begin() + 2, large.end()}, 1);
  conv.y = three({small.begin() + 2, small.end()}, 1);
  return conv;
}

void check_conv(const Call& call, std::int64_t groups, std::int64_t in, std::int64_t out,
                std::int64_t group_in) {
  if (groups < 1 || in < 1 || in % groups != 0 || out % groups != 0 || group_in * groups != in) {
    call.fail(fmt::format("its input is {}, its weight {}, in {} groups", text(call[0].shape),
                          text(call[1].shape), groups));
  }
}

Planned conv(const Call& call) {
  const Signature& x = call.floats(0);
  const Shape& weight = call.floats(1).shape;
  if (x.rank() < 3 || call[1].rank() != x.rank()) {
    call.fail(fmt::format("its input is {}, its weight {}", text(x.shape), text(weight)));
  }
  const auto groups = call.node.integer("group", 1);
  check_conv(call, groups, x.shape[1], weight[0], weight[1]);
  const Shape spatial(x.shape.begin() + 2, x.shape.end());
  if (std::ranges::count(spatial, 0) > 0) {
    call.fail(fmt::format("its input is {}, an image without pixels", text(x.shape)));
  }
  const Window window = read_window(call, spatial, kernel_of(call, weight));
  Signature y{x.type, {x.shape[0], weight[0]}, output_layout(call)};
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    y.shape.push_back(window_count(call, window, spatial[i], i, false));
  }
  (void)call.sized(y.type, y.shape);
  if (is_constant(call, 1) && call[1].count() > 0 && is_packable_conv(call.node, weight.size())) {
    return packed_conv(call, window, groups, y);
  }
  (void)read_fused(call, weight[0], y);
  PlainConv loops = plain(window, x.shape[0], groups, x.shape, y.shape);
  loops.in = x.shape[1];
  loops.out = weight[0];
  Planned planned{{y}, {}};
  planned.run = [loops](const Memory& memory) {
    loops.run(memory.in(0), memory.in(1), memory.in(2), memory.out());
  };
  return planned;
}

/// Pads that bring the transposed convolution to output_shape.
void pads_for_shape(const Call& call, const Integers& shape, const Integers& full, Window& window) {
  if (shape.size() != window.rank()) call.fail("output_shape needs one entry per spatial axis");
  const bool upper = call.node.text("auto_pad", "NOTSET") == "SAME_UPPER";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto total = full[i] - shape[i];  // May be negative: half of it is rounded down.
    const auto half = (total - (total < 0 ? 1 : 0)) / 2;
    window.begins[i] = upper ? half : total - half;
    window.ends[i] = total - window.begins[i];
  }
}

Planned conv_transpose(const Call& call) {
  const Signature& x = call.floats(0);
  const Shape& weight = call.floats(1).shape;
  if (x.rank() < 3 || call[1].rank() != x.rank()) {
    call.fail(fmt::format("its input is {}, its weight {}", text(x.shape), text(weight)));
  }
  const auto groups = call.node.integer("group", 1);
  const Shape spatial(x.shape.begin() + 2, x.shape.end());
  Window window = read_window(call, spatial, kernel_of(call, weight));
  const auto extra = call.node.integers("output_padding", Integers(window.rank(), 0));
  if (extra.size() != window.rank()) call.fail("output_padding needs one entry per spatial axis");
  Integers full, same;  // What comes out before pads are cropped.
  for (std::size_t i = 0; i < window.rank(); ++i) {
    if (extra[i] < 0) call.fail("output_padding must not be negative");
    full.push_back((spatial[i] - 1) * window.strides[i] + window.extent(i) + extra[i]);
    same.push_back(spatial[i] * window.strides[i]);
  }
  const auto mode = call.node.text("auto_pad", "NOTSET");
  if (call.node.has("output_shape")) {
    pads_for_shape(call, call.node.integers("output_shape"), full, window);
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    pads_for_shape(call, same, full, window);
  }
  check_conv(call, groups, x.shape[1], x.shape[1], x.shape[1] / std::max<std::int64_t>(groups, 1));
  if (weight[0] != x.shape[1]) {
    call.fail(fmt::format("its input is {}, its weight {}", text(x.shape), text(weight)));
  }
  Signature y{x.type, {x.shape[0], weight[1] * groups}};
  for (std::size_t i = 0; i < full.size(); ++i) {
    y.shape.push_back(full[i] - window.begins[i] - window.ends[i]);
  }
  (void)call.sized(y.type, y.shape);
  (void)read_fused(call, y.shape[1], y);
  PlainConv loops = plain(window, x.shape[0], groups, y.shape, x.shape);
  loops.in = x.shape[1];
  loops.out = y.shape[1];
  Planned planned{{y}, {}};
  planned.run = [loops](const Memory& memory) {
    loops.run_transposed(memory.in(0), memory.in(1), memory.in(2), memory.out());
  };
  return planned;
}

constexpr std::array rows = {Row{"Conv", conv}, Row{"ConvTranspose", conv_transpose}};

}  // namespace

bool is_packable_conv(const Node& node, std::size_t weight_rank) {
  const auto pads = node.integers("pads");
  return (weight_rank == 3 || weight_rank == 4) &&
         std::ranges::all_of(pads, [](auto pad) { return pad >= 0; });
}

std::span<const Row> convolutions() noexcept {
  return rows;
}

}  // namespace laconic::runtime
