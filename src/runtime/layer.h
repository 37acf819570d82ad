// Layers with constant weights: packed once, for whichever kernel measured fastest.

#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <variant>

#include "laconic/session.h"
#include "runtime/operator.h"

namespace laconic::runtime {

/// Attributes that fuse() gives to nodes of Conv and Gemm: clips of their outputs.
inline constexpr std::string_view low_key = "laconic.low";
inline constexpr std::string_view high_key = "laconic.high";

/// What take_turned_weights() gives to nodes of MatMul whose weights have outputs on axis 0.
inline constexpr std::string_view turned_key = "laconic.turned";

/// Whether a Gemm with constant weights runs as a packed layer, if its bias is one per output; and
/// whether a Conv with weights of that many axes does.
[[nodiscard]] bool is_packable_gemm(const Node& node);
[[nodiscard]] bool is_packable_conv(const Node& node, std::size_t weight_rank);

/// What is done to a layer's sums before they are stored: input 2 is a bias, input 3 a residual.
struct Fused {
  std::int64_t outputs = 0;  ///< Entries of the bias.
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();

  [[nodiscard]] Epilogue epilogue(const Memory& memory) const;
};

/// Throws Error(invalid_data) if the bias or the residual do not fit `output`.
[[nodiscard]] Fused read_fused(const Call& call, std::int64_t outputs, const Signature& output);

/// A value that is known or quantized, as a tensor of its shape.
[[nodiscard]] Weights weights_of(const Value& value);

/// Whether the input's elements do not wait for a run, whatever form they have.
[[nodiscard]] inline bool is_constant(const Call& call, std::size_t i) {
  return call.has(i) && call.inputs[i]->constant();
}

/// A packed layer with what was measured when it was chosen.
template <typename Packed>
struct Layer : Prepared {
  explicit Layer(Packed chosen) : packed(std::move(chosen)) {}
  Packed packed;
};

/// What a layer is packed for.
struct LayerTask {
  const Node& node;
  LayerKernels kernels;
  Weights weights;
  bool divisible = true;  ///< Some of its rows are a layer of its kind.
};

/// The ways to run a layer that `kernels` allows, in the order in which they are tried. Dense
/// tensors are run in one way only.
[[nodiscard]] std::vector<LayerKernels> ways(LayerKernels kernels, bool quantized);

/// The weights as they are packed for that way.
[[nodiscard]] Weights weights_for(const LayerTask& task, LayerKernels way);

/// So many rows of a layer stand for all when its float form is measured, which may take more
/// memory than everything else: those that take 1 MB, or as much as the packed form.
[[nodiscard]] std::int64_t measured_rows(const LayerTask& task, LayerKernels way,
                                         std::size_t packed_bytes);

/// The first rows of quantized weights.
[[nodiscard]] LayerTask first_rows(const LayerTask& task, std::int64_t rows);

/// The least time of a few runs.
[[nodiscard]] std::chrono::nanoseconds measure(const std::function<void()>& run);

[[noreturn]] void refuse_layer(const Node& node, std::string_view why);

/// Packs `task.weights` as `pack(weights, activations)` does: in the first way that `task.kernels`
/// allows and that can be had; or, of all, in the one that `time(packed)` finds fastest. One form
/// at a time is in memory.
template <typename Packed, typename Pack, typename Time>
std::shared_ptr<const Layer<Packed>> choose_layer(const LayerTask& task, Pack pack, Time time) {
  const bool all = task.kernels == LayerKernels::fastest;
  const bool quantized = std::holds_alternative<StreamedTensor>(task.weights);
  const auto rows = shape_of(task.weights)[0];
  const auto pack_for = [&](const LayerTask& of, LayerKernels way) {
    return pack(weights_for(of, way),
                way == LayerKernels::int8 ? Activations::int8 : Activations::floats);
  };
  std::optional<Packed> packed;
  std::vector<LayerReport::Tried> tried;
  LayerKernels best{};
  bool best_held = false;
  std::string refusal;
  for (const LayerKernels way : ways(task.kernels, quantized)) {
    packed.reset();
    const auto some = measured_rows(task, way, tried.empty() ? 0 : tried.front().bytes);
    try {
      packed = some < rows ? pack_for(first_rows(task, some), way) : pack_for(task, way);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_argument) throw;
      refusal = error.what();
      continue;  // Levels that this form does not hold: the next way is tried.
    }
    LayerReport::Tried now{
        std::string(packed->kernel().name), {}, packed->bytes(), packed->weight_error()};
    if (all) now.time = time(*packed) * rows / some;
    now.bytes = now.bytes * static_cast<std::size_t>(rows) / static_cast<std::size_t>(some);
    const bool better = tried.empty() || now.time < tried.front().time;
    tried.insert(better ? tried.begin() : tried.end(), now);
    if (better) best = way;
    best_held = better && some == rows;
    if (!all) break;
  }
  if (tried.empty()) refuse_layer(task.node, refusal);
  if (!best_held) {
    packed.reset();
    packed = pack_for(task, best);
  }
  auto layer = std::make_shared<Layer<Packed>>(std::move(*packed));
  Prepared::Part part{{describe(task.node), task.node.op, shape_of(task.weights), std::move(tried)},
                      {}};
  if (!all) part.time = [packed = layer->packed, time] { return time(packed); };
  layer->parts.push_back(std::move(part));
  layer->bytes = layer->packed.bytes();
  return layer;
}

/// The layer for weights of shape [out, in], for so many rows of x.
[[nodiscard]] std::shared_ptr<const Layer<PackedLinear>> choose_linear(const LayerTask& task,
                                                                       std::int64_t x_rows);

}  // namespace laconic::runtime
