#include "train/compress/tuning.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <sstream>
#include <string_view>

#include "core/trellis.h"
#include "laconic/detection_data.h"
#include "laconic/error.h"
#include "laconic/model.h"
#include "laconic/train.h"
#include "train/compress/search_checkpoint.h"
#include "train/post/even_codebook.h"
#include "train/post/trellis_assign.h"
#include "train/train_state.h"

namespace laconic {
namespace {

/// About what an epoch wins back.
constexpr double first_coarsening = 1.2;
/// Of bits while training, against their worth: zeros draw more zeros along from step to step, so
/// the price must be lower than where assignments are made once.
constexpr double training_price = 0.2;
/// Of Adam, in steps: an index that wants to change needs some 300 updates, or twice as many where
/// there is time.
double learning_rate(std::int64_t epochs) {
  return epochs > 1 ? 0.0015 : 0.003;
}
constexpr std::int64_t batch = 64;

/// How much wider the next stretch's step is, by the share of a budget of accuracy that the last
/// file used: what is left of it buys a smaller file.
double next_ratio(double used) {
  if (used < 0.5) return 1.15;
  if (used <= 1) return 1.07;
  if (used <= 2) return 1;  // Chance, or what another epoch wins back.
  return std::clamp(std::pow(used, -0.12), 0.8, 0.98);
}

/// The same tensors on steps `ratio` times as wide, for the values that the network has now.
QuantizedModel coarsen(QuantizedModel model, const Network& network, double ratio) {
  for (auto& [name, parameter] : model) {
    auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
    EvenSpacing spacing;
    if (tensor == nullptr || tensor->codebooks.size() != 1 || tensor->codebooks[0].size() < 2 ||
        !find_even_spacing(tensor->codebooks[0], spacing)) {
      continue;
    }
    const auto values = network.parameter(name).detach();
    const std::span floats(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()));
    tensor->codebooks[0] =
        is_trellis(parameter.quantizer)
            ? trellis_levels_over(floats, spacing.step * ratio / trellis::step_ratio)
            : evenly_spaced_over(floats, short_float(spacing.step * ratio));
    for (std::size_t i = 0; i < floats.size(); ++i) {
      tensor->indices[i] = tensor->codebooks[0].nearest(floats[i]);
    }
  }
  return model;
}

QuantizedModel without_unused_ends(QuantizedModel model) {
  for (auto& [name, parameter] : model) {
    if (auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor))
      drop_unused_ends(*tensor, is_trellis(parameter.quantizer));
  }
  return model;
}

constexpr std::string_view model_key = "tuned model", place_key = "tuning", coder_key = "coder of ";

/// The file keeps the coder that was found best; what was asked for is kept beside it.
void capture_model(const QuantizedModel& model, Checkpoint& checkpoint) {
  const auto bytes = pack({{}, model, {}});
  checkpoint.progress.insert_or_assign(
      std::string(model_key),
      std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  for (const auto& [name, parameter] : model) {
    if (std::holds_alternative<QuantizedTensor>(parameter.tensor))
      checkpoint.progress.insert_or_assign(std::string(coder_key) + name, parameter.coder);
  }
}

QuantizedModel restore_model(const Checkpoint& checkpoint) {
  auto model = unpack(std::as_bytes(std::span(checkpoint.text(model_key)))).tensors;
  for (auto& [name, parameter] : model) {
    if (std::holds_alternative<QuantizedTensor>(parameter.tensor))
      parameter.coder = checkpoint.text(std::string(coder_key) + name);
  }
  return model;
}

/// A checkpoint may be anything: its tensors must be those of the network before they are indexed
/// alike.
void check_model(const QuantizedModel& model, const Network& network) {
  for (const auto& info : network.parameters()) {
    const auto found = model.find(info.name);
    if (found == model.end() ||
        shape_of(found->second.tensor) != network.parameter(info.name).sizes().vec())
      fail(ErrorCode::corrupt_data, "the checkpoint does not fit the search: {}", info.name);
  }
  if (model.size() != network.parameters().size())
    fail(ErrorCode::corrupt_data, "the checkpoint does not fit the search: it has more tensors");
}

}  // namespace

Tuning::Tuning(const Workshop& workshop, double step)
    : workshop_(workshop),
      all_(workshop.data()),
      student_(workshop.network().graph()),
      step_(step * (workshop.options().budget.max_drop ? first_coarsening : 1)),
      model_(workshop.quantize(step_)) {}

Tuning::Tuning(const Workshop& workshop, const Checkpoint& checkpoint)
    : workshop_(workshop),
      all_(workshop.data()),
      student_(workshop.network().graph()),
      step_(0),
      model_(restore_model(checkpoint)) {
  restore_parameters(checkpoint, student_);
  check_model(model_, student_);
  std::istringstream place(checkpoint.text(place_key));
  if (!(place >> epoch_ >> step_ >> misses_) || epoch_ < 0 || !(step_ > 0))
    fail(ErrorCode::corrupt_data, "the checkpoint does not fit the search: its step of training");
}

bool Tuning::is_in(const Checkpoint& checkpoint) {
  return checkpoint.progress.contains(place_key);
}

bool Tuning::is_done() const noexcept {
  return epoch_ >= workshop_.options().epochs;
}

/// What the float network has learned by heart, a student that never sees it forgets; it would then
/// be held against samples that it has not learned and the float network has.
const Dataset& Tuning::samples() const noexcept {
  const bool joins =
      workshop_.has_learned_validation() && as_detection(workshop_.data()) == nullptr;
  return joins ? all_ : workshop_.data();
}

std::int64_t Tuning::stretch() const noexcept {
  const auto& options = workshop_.options();
  const auto left = options.epochs - epoch_;
  if (!options.budget.max_drop) return left;
  return misses_ > 1 ? (left + 1) / 2 : 1;
}

std::optional<SizeBudget> Tuning::size_budget() const {
  const double most = workshop_.most_bytes();
  if (!std::isfinite(most)) return {};
  return SizeBudget{static_cast<std::int64_t>(most), [this](const QuantizedModel& model) {
                      const auto file = workshop_.wrap(without_unused_ends(model), {});
                      return static_cast<std::int64_t>(file.bytes());
                    }};
}

Candidate Tuning::train_stretch() {
  const auto& options = workshop_.options();
  FineTune method(model_, training_price, size_budget());
  TrainOptions training;
  training.epochs = stretch();
  training.batch = batch;
  training.optimizer = "adam:lr=" + print_number(learning_rate(training.epochs));
  training.schedule = "cosine";
  training.distillation = workshop_.teaching();
  training.seed = options.seed + static_cast<std::uint64_t>(epoch_);
  training.training_mode = false;  // Normalisation has become a scale and bias.
  training.method = &method;
  training.checkpoint = training_folder(options);
  training.existing = Existing::resume;
  train(student_, samples(), training, workshop_.progress());
  epoch_ += training.epochs;
  model_ = method.finish(student_);
  auto candidate = workshop_.wrap(without_unused_ends(model_),
                                  fmt::format("step {:.4g}, {} epochs of training", step_, epoch_));
  candidate.step = step_;
  workshop_.evaluate(candidate);
  return candidate;
}

void Tuning::adapt(double used) {
  if (is_done()) return;
  const double ratio = next_ratio(used);
  model_ = coarsen(std::move(model_), student_, ratio);
  step_ *= ratio;
  misses_ = used > 1 ? misses_ + 1 : 0;
}

void Tuning::capture(Checkpoint& checkpoint) const {
  checkpoint.progress.insert_or_assign(std::string(place_key),
                                       fmt::format("{} {} {}", epoch_, step_, misses_));
  capture_model(model_, checkpoint);
  capture_parameters(student_, checkpoint);
}

}  // namespace laconic
