#include "train/compress/workshop.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

/// Enough for an accuracy to 0.15 point.
constexpr std::int64_t validation_samples = 5000;
/// Sensitivities need fewer samples than recalibration.
constexpr std::int64_t probe_samples = 256;
constexpr std::int64_t probe_batch = 64, calibration_batch = 125;

Graph prepare(Graph graph, const Dataset& data) {
  check_fits(graph, data);
  normalize_batch_norm(graph);
  return graph;
}

Graph without_floats(Graph graph) {
  for (const auto& info : parameters(graph)) graph.constants.erase(info.name);
  return graph;
}

}  // namespace

std::int64_t parameter_count(const Graph& graph) {
  std::int64_t count = 0;
  for (const auto& info : parameters(graph)) {
    const bool statistic = graph.nodes[info.node].op == "BatchNormalization" && info.input >= 3;
    if (!statistic) count += graph.constants.find(info.name)->second.count();
  }
  return count;
}

Workshop::Workshop(Graph graph, const Dataset& data, const CompressOptions& options,
                   ProgressSink progress)
    : data_(data),
      options_(options),
      progress_(std::move(progress)),
      network_(prepare(std::move(graph), data)),
      structure_(without_floats(network_.graph())),
      parameters_(parameter_count(network_.graph())) {
  if (data.size(Part::validation) == 0) {
    fail(ErrorCode::invalid_data,
         "{} has no validation part to measure accuracy on: give its option validation a share",
         spec_name(data.spec()));
  }
  before_ =
      laconic::evaluate(network_, data, Part::validation, {.limit = validation_samples}, progress_);
  batches_ = draw_batches(data, options.samples, calibration_batch, options.seed);
  const auto probes =
      draw_batches(data, std::min(options.samples, probe_samples), probe_batch, options.seed);
  choose(measure_sensitivities(network_, probes, progress_));
}

void Workshop::choose(const std::map<std::string, Sensitivity, std::less<>>& sensitivities) {
  // The damage that a step as wide as a tensor's weights would do, relative to the geometric mean
  // over all weights: what steps are like then does not depend on the units of a layer.
  std::map<std::string, std::pair<double, double>, std::less<>> measured;  // Spread and damage.
  double logs = 0, count = 0;
  for (const auto& [name, s] : sensitivities) {
    const auto& weight = network_.parameter(name);
    const double spread = std::sqrt(weight.detach().square().mean().item<double>());
    const double damage = s.damage * s.curvature * spread * spread;
    measured.emplace(name, std::pair{spread, damage});
    if (!(damage > 0)) continue;
    const auto weights = static_cast<double>(weight.numel());
    logs += weights * std::log(damage);
    count += weights;
  }
  const double typical = count > 0 ? std::exp(logs / count) : 1;
  for (const auto& [name, figures] : measured) {
    const auto& [spread, damage] = figures;
    LayerChoice choice;
    const double relative = std::clamp(damage / typical, 1e-6, 1e6);
    choice.scale = spread > 0 ? spread * std::pow(relative, -options_.temper / 2) : 1;
    if (options_.quantizer != "auto") choice.quantizer = options_.quantizer;
    if (options_.granularity != "auto") {
      choice.granularity = parse_granularity(options_.granularity);
    }
    choice.coder = options_.coder;
    choices_.emplace(name, std::move(choice));
  }
}

bool Workshop::has_learned_validation() const {
  const auto train =
      laconic::evaluate(network_, data_, Part::train, {.limit = validation_samples}, progress_);
  const auto variance = [](const Score& score) {
    return score.accuracy * (1 - score.accuracy) / static_cast<double>(score.samples);
  };
  return train.accuracy - before_.accuracy <= 2 * std::sqrt(variance(train) + variance(before_));
}

Candidate Workshop::quantize(double step) const {
  throw_if_interrupted();
  PassOptions pass;
  pass.step = step;
  auto result = quantize_pass(network_, batches_, choices_, pass);
  auto candidate = wrap(std::move(result.tensors), fmt::format("step {:.4g}", step));
  candidate.step = step;
  candidate.damage = result.output_damage;
  return candidate;
}

Candidate Workshop::wrap(QuantizedModel tensors, std::string choice) const {
  Candidate candidate;
  candidate.network = {structure_, std::move(tensors), {}};
  candidate.choice = std::move(choice);
  candidate.bytes = pack(candidate.network).size();
  candidate.ratio = 4.0 * static_cast<double>(parameters_) / static_cast<double>(candidate.bytes);
  return candidate;
}

void Workshop::evaluate(Candidate& candidate) const {
  if (candidate.score) return;
  std::map<std::string, at::Tensor, std::less<>> values;
  for (const auto& [name, parameter] : candidate.network.tensors) {
    auto floats = dequantize(parameter.tensor);
    values.emplace(name,
                   at::from_blob(floats.data(), shape_of(parameter.tensor), at::kFloat).clone());
  }
  candidate.score =
      laconic::evaluate(network_, data_, Part::validation,
                        {.limit = validation_samples, .overrides = &values}, progress_);
}

}  // namespace laconic
