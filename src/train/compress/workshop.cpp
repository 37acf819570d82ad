#include "train/compress/workshop.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/memory.h"
#include "laconic/error.h"
#include "laconic/threads.h"
#include "train/mixing.h"
#include "train/post/sensitivity.h"

namespace laconic {
namespace {

/// Enough for an accuracy to 0.15 point.
constexpr std::int64_t validation_samples = 5000;
/// Sensitivities need fewer samples than recalibration.
constexpr std::int64_t probe_samples = 256;
constexpr std::int64_t probe_batch = 64, calibration_batch = 125;
/// Students that see mixtures alone keep what they have learned from epoch to epoch; of samples
/// that the float network knows by heart they lose it again.
constexpr double temperature = 2, teacher_weight = 0.9, mixed = 1;

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
    if (!is_running_statistic(graph, info))
      count += graph.constants.find(info.name)->second.count();
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
  before_ = laconic::evaluate(network_, data, Part::validation,
                              {.limit = validation_samples, .right = &right_before_}, progress_);
  check_budget();
  has_learned_validation_ = knows_validation_by_heart();
  batches_ = draw_batches(data, options.samples, calibration_batch, options.seed);
  const auto probes =
      draw_batches(data, std::min(options.samples, probe_samples), probe_batch, options.seed);
  if (options.method != "auto") return;  // It decides by itself.
  choices_.emplace(network_, data, options_, probes, progress_);
}

void Workshop::check_budget() const {
  const double of_one = 100 / static_cast<double>(std::max<std::int64_t>(before_.samples, 1));
  const auto& most = options_.budget.max_drop;
  if (!most || of_one <= *most) return;
  fail(ErrorCode::out_of_reach,
       "one of {} validation samples is {:.2g} points, more than the {} that may be lost: they "
       "cannot tell; give more of them, or a ratio or size",
       before_.samples, of_one, *most);
}

bool Workshop::knows_validation_by_heart() const {
  const auto train =
      laconic::evaluate(network_, data_, Part::train, {.limit = validation_samples}, progress_);
  const auto variance = [](const Score& score) {
    return score.accuracy * (1 - score.accuracy) / static_cast<double>(score.samples);
  };
  return train.accuracy - before_.accuracy <= 2 * std::sqrt(variance(train) + variance(before_));
}

Distillation Workshop::teaching() const {
  if (!options_.teach) return {};
  return {&network_, temperature, teacher_weight, can_mix(network_.graph(), data_) ? mixed : 0};
}

double Workshop::most_bytes() const {
  const auto& budget = options_.budget;
  if (budget.bytes) return static_cast<double>(*budget.bytes);
  if (budget.ratio) return 4.0 * static_cast<double>(parameters_) / *budget.ratio;
  return std::numeric_limits<double>::infinity();
}

QuantizedModel Workshop::quantize(double step) const {
  throw_if_interrupted();
  PassOptions pass;
  pass.step = step;
  pass.compensate = options_.compensate;
  pass.recalibrate = options_.recalibrate;
  return quantize_pass(network_, batches_, choices_->at(step), pass).tensors;
}

std::string Workshop::in_words(double step) {
  return fmt::format("step {:.4g}", step);
}

Candidate Workshop::make(double step) const {
  auto candidate = wrap(quantize(step), in_words(step));
  candidate.step = step;
  return candidate;
}

Candidate Workshop::wrap(QuantizedModel tensors, std::string choice) const {
  Candidate candidate;
  release_freed_memory();  // What made the tensors, before what codes them.
  candidate.file = pack({structure_, std::move(tensors), {}});
  candidate.choice = std::move(choice);
  release_freed_memory();
  candidate.ratio = 4.0 * static_cast<double>(parameters_) / static_cast<double>(candidate.bytes());
  return candidate;
}

void Workshop::evaluate(Candidate& candidate) const {
  if (candidate.score) return;
  std::map<std::string, at::Tensor, std::less<>> values;
  const auto reader = ModelReader::from_bytes(candidate.file);
  for (const auto& entry : reader.entries()) {
    auto floats = dequantize(reader.read(entry));
    values.emplace(entry.name, at::from_blob(floats.data(), entry.shape, at::kFloat).clone());
  }
  std::vector<std::uint8_t> right;
  candidate.score = laconic::evaluate(
      network_, data_, Part::validation,
      {.limit = validation_samples, .overrides = &values, .right = &right}, progress_);
  candidate.chance = chance(*candidate.score, right);
}

double Workshop::chance(const Score& score, std::span<const std::uint8_t> right) const {
  if (right.empty() || right.size() != right_before_.size()) {
    const double lost = std::max(before_.accuracy - score.accuracy, 0.0);
    return 100 * std::sqrt(lost / static_cast<double>(std::max<std::int64_t>(score.samples, 1)));
  }
  return standard_error_of_drop(right_before_, right);
}

double standard_error_of_drop(std::span<const std::uint8_t> right_before,
                              std::span<const std::uint8_t> right) {
  double differ = 0;
  for (std::size_t i = 0; i < right.size(); ++i) differ += right[i] != right_before[i];
  return 100 * std::sqrt(differ) / static_cast<double>(right.size());
}

double standard_errors_by_heart(double wrong) {
  constexpr double wrong_beyond = 0.07;  ///< Share of unseen samples: of the usual networks.
  constexpr double most = 3.5;
  return wrong > 0 ? std::min(std::sqrt((wrong + wrong_beyond) / wrong), most) : most;
}

}  // namespace laconic
