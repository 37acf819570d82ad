#include "train/post/sensitivity.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "laconic/random.h"
#include "laconic/threads.h"

namespace laconic {

Batches draw_batches(const Dataset& data, std::int64_t count, std::int64_t batch,
                     std::uint64_t seed) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(data.size(Part::train)));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  Random(seed, "calibration").shuffle(std::span(indices));
  indices.resize(std::min(indices.size(), static_cast<std::size_t>(count)));

  Batches batches;
  for (std::size_t first = 0; first < indices.size(); first += static_cast<std::size_t>(batch)) {
    const auto size = std::min(static_cast<std::size_t>(batch), indices.size() - first);
    Shape shape = data.sample_shape();
    shape.insert(shape.begin(), static_cast<std::int64_t>(size));
    auto x = at::empty(shape, at::kFloat);
    std::vector<std::int64_t> labels(size * static_cast<std::size_t>(data.labels_per_sample()));
    data.read(Part::train, std::span(indices).subspan(first, size),
              {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())}, labels);
    batches.push_back(std::move(x));
  }
  return batches;
}

std::map<std::string, Sensitivity, std::less<>> measure_sensitivities(
    const Network& network, const Batches& batches, const ProgressSink& progress) {
  std::map<std::string, Sensitivity, std::less<>> sensitivities;
  std::vector<std::string> weights;
  for (const auto& info : network.parameters()) {
    if (info.role == Role::weight) weights.push_back(info.name);
  }
  std::int64_t done = 0;
  for (const auto& name : weights) {
    throw_if_interrupted();
    if (progress)
      progress({"sensitivity", done++, static_cast<std::int64_t>(weights.size()), name});
    const auto& weight = network.parameter(name);
    const double rms = std::sqrt(weight.detach().square().mean().item<double>());
    Sensitivity sensitivity;
    if (rms > 0) {
      PassOptions options;
      options.step = rms;  // About two bits a weight: where quantization will take place.
      options.price = 0;
      const auto result = quantize_pass(network, batches, {{name, LayerChoice{}}}, options, false);
      const double error = result.output_error.find(name)->second;
      sensitivity.curvature = result.curvature.find(name)->second;
      if (error > 0) sensitivity.damage = result.output_damage / error;
    }
    sensitivities.emplace(name, sensitivity);
  }
  return sensitivities;
}

}  // namespace laconic
