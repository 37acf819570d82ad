// Layers with constant weights: packed once, for whichever kernel measured fastest.

#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <variant>

#include "laconic/session.h"
#include "runtime/operator.h"

namespace laconic::runtime {

/// Attributes that fuse_functions() gives to nodes of Conv and Gemm: what is done to their outputs.
inline constexpr std::string_view function_key = "laconic.function";
inline constexpr std::string_view alpha_key = "laconic.alpha";
inline constexpr std::string_view beta_key = "laconic.beta";

/// What take_turned_weights() gives to nodes of MatMul whose weights have outputs on axis 0.
inline constexpr std::string_view turned_key = "laconic.turned";

/// Whether a Gemm with constant weights runs as a packed layer, if its bias is one per output; and
/// whether a Conv with weights of that many axes does.
[[nodiscard]] bool is_packable_gemm(const Node& node);
[[nodiscard]] bool is_packable_conv(const Node& node, std::size_t weight_rank);

/// What is done to a layer's sums before they are stored: input 2 is a bias, input 3 a residual.
struct Fused {
  std::int64_t outputs = 0;  ///< Entries of the bias.
  Nonlinearity then;

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
  Shape shape;  ///< Of the weights; rows are outputs.
  bool quantized;
  std::function<Weights()> weights;  ///< Makes them: floats are there only while they are packed.
  bool divisible = true;             ///< Some of its rows are a layer of its kind.
};

/// Of a call's input 1, for as long as the call's inputs live.
[[nodiscard]] LayerTask task_of(const Call& call, bool divisible = true);

/// The ways to run a layer that `kernels` allows, in the order in which they are tried. Dense
/// tensors are run in one way only.
[[nodiscard]] std::vector<LayerKernels> ways(LayerKernels kernels, bool quantized);

/// The weights as they are packed for that way.
[[nodiscard]] Weights weights_for(const Weights& weights, LayerKernels way);

/// So many rows of a layer stand for all when ways are measured: packing every weight in every way
/// would take longer, and more memory, than everything else.
[[nodiscard]] std::int64_t measured_rows(const LayerTask& task);

/// The first rows of quantized weights, decoded once for all ways.
[[nodiscard]] Weights first_rows(const Weights& weights, std::int64_t rows);

/// The least time of a few runs on one thread: when others wake has little to do with the layer.
[[nodiscard]] std::chrono::nanoseconds measure(const std::function<void()>& run);

[[noreturn]] void refuse_layer(const Node& node, std::string_view why);

/// Packs a layer as `pack(weights, activations)` does: in the first way that `task.kernels` allows
/// and that can be had; or, of all, in the one that `time(packed)` finds fastest.
template <typename Packed, typename Pack, typename Time>
class LayerChooser {
 public:
  using Make = std::function<std::shared_ptr<const Layer<Packed>>()>;

  LayerChooser(LayerTask task, Pack pack, Time time)
      : task_(std::move(task)), pack_(std::move(pack)), time_(std::move(time)) {}

  /// Measures, if that is needed; what it returns then packs.
  [[nodiscard]] Make choose() const {
    std::vector<Way> all;
    for (const LayerKernels kernels : ways(task_.kernels, task_.quantized))
      all.push_back({kernels});
    const bool measures = task_.kernels == LayerKernels::fastest && all.size() > 1;
    return [self = *this, in_order = measures ? fastest_first(std::move(all)) : std::move(all)] {
      return self.pack_first(in_order);
    };
  }

 private:
  struct Way {
    LayerKernels kernels;
    LayerReport::Tried report = {};
    bool measured = false;
  };

  [[nodiscard]] Packed pack(const Weights& weights, LayerKernels way) const {
    return pack_(weights_for(weights, way),
                 way == LayerKernels::int8 ? Activations::int8 : Activations::floats);
  }

  /// In the first way that holds the levels.
  [[nodiscard]] std::shared_ptr<const Layer<Packed>> pack_first(std::span<const Way> ways) const {
    const Weights weights = task_.weights();
    for (;; ways = ways.subspan(1)) {
      try {
        return finish(pack(weights, ways.front().kernels), ways);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::invalid_argument) throw;
        if (ways.size() == 1) refuse_layer(task_.node, error.what());
      }
    }
  }

  /// By what the first rows take. Ways that do not hold their levels are left out, unless none do.
  [[nodiscard]] std::vector<Way> fastest_first(std::vector<Way> all) const {
    const auto rows = task_.shape[0], some = measured_rows(task_);
    const Weights weights = first_rows(task_.weights(), some);
    std::vector<Way> out;
    for (const Way& way : all) {
      try {
        const Packed packed = pack(weights, way.kernels);
        const auto bytes = static_cast<std::int64_t>(packed.bytes()) * rows / some;
        out.push_back({way.kernels,
                       {std::string(packed.kernel().name), time_(packed) * rows / some,
                        static_cast<std::size_t>(bytes), packed.weight_error()},
                       true});
      } catch (const Error& error) {
        if (error.code() != ErrorCode::invalid_argument) throw;
      }
    }
    std::ranges::stable_sort(out, {}, [](const Way& way) { return way.report.time; });
    return out.empty() ? all : out;
  }

  /// `ways` begin with the one that is packed.
  [[nodiscard]] std::shared_ptr<const Layer<Packed>> finish(Packed packed,
                                                            std::span<const Way> ways) const {
    auto layer = std::make_shared<Layer<Packed>>(std::move(packed));
    layer->bytes = layer->packed.bytes();
    Prepared::Part part{
        {describe(task_.node), task_.node.op, task_.shape, {}}, ways.front().kernels, {}};
    for (const Way& way : ways) {
      if (way.measured) part.report.tried.push_back(way.report);
    }
    if (part.report.tried.empty()) {
      part.report.tried.emplace_back();
      part.time = [packed = layer->packed, time = time_] { return time(packed); };
    }
    auto& chosen = part.report.tried.front();
    chosen.kernel = layer->packed.kernel().name;
    chosen.bytes = layer->bytes;
    chosen.weight_error = layer->packed.weight_error();
    layer->parts.push_back(std::move(part));
    return layer;
  }

  LayerTask task_;
  Pack pack_;
  Time time_;
};

/// What LayerChooser::choose() returns.
template <typename Packed, typename Pack, typename Time>
[[nodiscard]] auto choose_layer(LayerTask task, Pack pack, Time time) {
  return LayerChooser<Packed, Pack, Time>(std::move(task), std::move(pack), std::move(time))
      .choose();
}

/// Decides how to pack weights of shape [out, in], for so many rows of x; what it returns packs.
[[nodiscard]] std::function<std::shared_ptr<const Layer<PackedLinear>>()> choose_linear(
    LayerTask task, std::int64_t x_rows);

}  // namespace laconic::runtime
