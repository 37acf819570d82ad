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

/// Input i, known or quantized, as a tensor of its shape.
[[nodiscard]] Tensor weights_of(const Call& call, std::size_t i);

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

/// The ways to run a layer that `kernels` allows, in the order in which they are tried. Dense
/// tensors are run in one way only.
[[nodiscard]] std::vector<LayerKernels> ways(LayerKernels kernels, bool quantized);

/// The least time of a few runs.
[[nodiscard]] std::chrono::nanoseconds measure(const std::function<void()>& run);

/// Packs `weights` as `pack(tensor, options)` does, in every way that `call.kernels` allows and
/// that can be had, and keeps the one for which `run` takes the least time.
template <typename Packed, typename Pack, typename Run>
std::shared_ptr<const Layer<Packed>> choose_layer(const Call& call, Tensor weights, Pack pack,
                                                  Run run) {
  const bool quantized = std::holds_alternative<QuantizedTensor>(weights);
  std::shared_ptr<Layer<Packed>> best;
  std::vector<LayerReport::Tried> tried;
  std::string refusal;
  for (const LayerKernels way : ways(call.kernels, quantized)) {
    if (call.kernels != LayerKernels::fastest && best) break;
    if (way == LayerKernels::dense && quantized) {
      weights = DenseTensor{shape_of(weights), dequantize(weights)};
    }
    std::optional<Packed> packed;
    try {
      packed = pack(weights, way == LayerKernels::int8 ? Activations::int8 : Activations::floats);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_argument) throw;
      refusal = error.what();
      continue;  // Levels that this form does not hold: the next way is tried.
    }
    LayerReport::Tried now{
        std::string(packed->kernel().name), {}, packed->bytes(), packed->weight_error()};
    now.time = measure([&] { run(*packed); });
    if (!best || now.time < tried.front().time) {
      best = std::make_shared<Layer<Packed>>(std::move(*packed));
      tried.insert(tried.begin(), now);
    } else {
      tried.push_back(now);
    }
  }
  if (!best) call.unsupported(refusal);
  best->reports = {{describe(call.node), call.node.op, shape_of(weights), std::move(tried)}};
  best->bytes = best->packed.bytes();
  return best;
}

/// The layer for `weights` of shape [out, in], measured on so many rows.
[[nodiscard]] std::shared_ptr<const Layer<PackedLinear>> choose_linear(const Call& call,
                                                                       Tensor weights,
                                                                       std::int64_t rows);

}  // namespace laconic::runtime
