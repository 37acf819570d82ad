#include "train/post/input_moments.h"

#include <torch/types.h>

#include <algorithm>

#include "laconic/threads.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

/// Widest panel: layers up to that width keep all correlations of their inputs.
constexpr std::int64_t widest = 1152;
/// Numbers in a piece of input windows, which is all that is unfolded at a time.
constexpr std::int64_t piece = std::int64_t{1} << 23;

struct Sums {
  at::Tensor moment, mean, float_mean;
  std::int64_t windows = 0;

  void add(const Sums& other) {
    windows += other.windows;
    moment = moment.defined() ? moment.add_(other.moment) : other.moment;
    mean = mean.defined() ? mean.add_(other.mean) : other.mean;
    float_mean = float_mean.defined() ? float_mean.add_(other.float_mean) : other.float_mean;
  }
};

std::int64_t panels_of(const LinearLayer& layer) {
  return (layer.cols + widest - 1) / widest;
}

std::int64_t panel_of(const LinearLayer& layer) {
  return (layer.cols + panels_of(layer) - 1) / panels_of(layer);
}

/// Sums over one batch, piece by piece; second moments in single precision.
Sums sums_of(const Graph& graph, const LinearLayer& layer, at::Tensor float_inputs,
             at::Tensor inputs, std::int64_t windows) {
  const at::NoGradGuard no_grad;
  const auto panels = panels_of(layer), panel = panel_of(layer);
  const bool conv = graph.nodes[layer.node].op == "Conv";
  if (!conv) {
    inputs = inputs.reshape({-1, layer.cols});
    float_inputs = float_inputs.reshape({-1, layer.cols});
  }
  const auto samples = std::max<std::int64_t>(1, inputs.size(0));
  const auto per_sample = conv ? std::max<std::int64_t>(1, windows / samples) : 1;
  const auto at_once =
      std::clamp<std::int64_t>(piece / (per_sample * layer.groups * panels * panel), 1, samples);
  Sums sums;
  for (std::int64_t first = 0; first < inputs.size(0); first += at_once) {
    const auto count = std::min(at_once, inputs.size(0) - first);
    const auto unfold = [&](const at::Tensor& all) {
      return input_windows(graph, layer, all.narrow(0, first, count), per_sample * count);
    };
    const auto rows = unfold(inputs);
    const auto split = at::constant_pad_nd(rows, {0, panels * panel - layer.cols})
                           .reshape({layer.groups, rows.size(1), panels, panel})
                           .transpose(1, 2);
    sums.add({at::matmul(split.transpose(2, 3), split), rows.sum(1, false, at::kDouble),
              unfold(float_inputs).sum(1, false, at::kDouble), rows.size(1)});
  }
  return sums;
}

}  // namespace

InputMoments input_moments(const Graph& graph, const LinearLayer& layer,
                           std::span<const at::Tensor> float_inputs,
                           std::span<const at::Tensor> inputs, std::int64_t windows) {
  const auto lanes = inputs.size();
  const auto each = std::max<std::int64_t>(1, windows / static_cast<std::int64_t>(lanes));
  // As many batches at a time as there are threads, and their sums in order: memory stays small,
  // and the result is the same for any number.
  const auto wave = static_cast<std::size_t>(std::max(1, threads()));
  Sums all;
  for (std::size_t first = 0; first < lanes; first += wave) {
    std::vector<Sums> sums(std::min(wave, lanes - first));
    torch_parallel_for(static_cast<std::int64_t>(sums.size()), [&](std::int64_t l) {
      const auto lane = first + static_cast<std::size_t>(l);
      sums[static_cast<std::size_t>(l)] =
          sums_of(graph, layer, float_inputs[lane], inputs[lane], each);
    });
    for (auto& sum : sums) {
      sum.moment = sum.moment.to(at::kDouble);
      all.add(sum);
    }
  }
  const auto metric = (all.moment / all.windows).to(at::kFloat).contiguous();
  return {panel_of(layer),
          {metric.data_ptr<float>(), metric.data_ptr<float>() + metric.numel()},
          all.mean / all.windows,
          all.float_mean / all.windows};
}

}  // namespace laconic
