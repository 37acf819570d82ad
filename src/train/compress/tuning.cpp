#include "train/compress/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string_view>

#include "laconic/detection_data.h"
#include "laconic/error.h"
#include "laconic/train.h"
#include "train/compress/search_checkpoint.h"
#include "train/post/even_codebook.h"
#include "train/post/trellis_assign.h"

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

/// Below any that a search tries, as its inverse is above.
constexpr double least_step = 1e-6 * Workshop::typical_step;
/// Beyond any file's size.
constexpr double most_bytes = 1e15;

/// How much wider the next stretch's step is if none has missed the budget, by the share of it that
/// the last file used: what is left buys a smaller file. Nothing comes after the last one to mend a
/// step too wide.
double next_ratio(double used, bool is_last) {
  constexpr double least = 1.07, answer = 0.2;
  const double most = is_last ? 1.1 : 1.5;
  return used > 0 ? std::min(least * std::pow(used, -answer), most) : most;
}

/// Levels that tensors share stay as they are.
QuantizedModel without_unused_ends(QuantizedModel model) {
  std::map<const float*, int> uses;  // Copies of a codebook have the same levels, at one place.
  for (const auto& [name, parameter] : model) {
    const auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
    if (tensor != nullptr && !tensor->codebooks.empty())
      ++uses[tensor->codebooks[0].levels().data()];
  }
  for (auto& [name, parameter] : model) {
    auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
    if (tensor == nullptr || tensor->codebooks.empty()) continue;
    if (uses[tensor->codebooks[0].levels().data()] == 1)
      drop_unused_ends(*tensor, is_trellis(parameter.quantizer));
  }
  return model;
}

constexpr std::string_view place_key = "tuning";

}  // namespace

Tuning::Tuning(const Workshop& workshop, const Candidate& untrained)
    : workshop_(workshop),
      all_(workshop.data()),
      next_{untrained.step, 0},
      fits_{untrained.step, static_cast<double>(untrained.bytes())} {
  if (workshop.options().budget.max_drop) next_.step *= first_coarsening;
}

Tuning::Tuning(const Workshop& workshop, const Checkpoint& checkpoint)
    : Tuning(workshop, Candidate{}) {
  std::istringstream place(checkpoint.text(place_key));
  const auto is_mark = [](const Mark& mark) {
    return mark.step > least_step && mark.step < 1 / least_step && mark.bytes >= 1 &&
           mark.bytes < most_bytes;
  };
  place >> epoch_ >> next_.step >> next_.bytes;
  place >> fits_.step >> fits_.bytes >> misses_.step >> misses_.bytes;
  if (!place || epoch_ < 0 || epoch_ > workshop.options().epochs || !is_mark(next_) ||
      !is_mark(fits_) || !(misses_.step == 0 || is_mark(misses_)))
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

std::int64_t Tuning::next_length() const noexcept {
  const auto& options = workshop_.options();
  const bool searches = options.budget.max_drop && epoch_ < (options.epochs + 1) / 2;
  return searches ? 1 : options.epochs - epoch_;
}

std::optional<SizeBudget> Tuning::size_budget(std::int64_t epochs) const {
  // Longer training at one step takes more bits away: what it is to come to is told beforehand.
  const bool is_long = workshop_.options().budget.max_drop && epochs > 1;
  const double most = is_long ? next_.bytes : workshop_.most_bytes();
  if (!std::isfinite(most)) return {};
  return SizeBudget{static_cast<std::int64_t>(std::min(most, most_bytes)),
                    [this](const QuantizedModel& model) {
                      const auto file = workshop_.wrap(without_unused_ends(model), {});
                      return static_cast<std::int64_t>(file.bytes());
                    }};
}

Candidate Tuning::train_stretch() {
  const auto& options = workshop_.options();
  const auto length = next_length();
  Network student(workshop_.network().graph());
  FineTune method(workshop_.quantize(next_.step), training_price, size_budget(length),
                  workshop_.pruned());
  TrainOptions training;
  training.epochs = length;
  training.batch = batch;
  training.optimizer = "adam:lr=" + print_number(learning_rate(length));
  training.schedule = "cosine";
  training.distillation = workshop_.teaching();
  training.seed = options.seed + static_cast<std::uint64_t>(epoch_);
  training.training_mode = false;  // Normalisation has become a scale and bias.
  training.method = &method;
  training.checkpoint = training_folder(options);
  training.existing = Existing::resume;
  train(student, samples(), training, workshop_.progress());
  epoch_ += length;
  auto candidate = workshop_.wrap(without_unused_ends(method.finish(student)),
                                  fmt::format("step {:.4g}, {} epoch{} of training", next_.step,
                                              length, length == 1 ? "" : "s"));
  candidate.step = next_.step;
  workshop_.evaluate(candidate);
  return candidate;
}

void Tuning::adapt(const Candidate& last, double used) {
  (used <= 1 ? fits_ : misses_) = {next_.step, static_cast<double>(last.bytes())};
  const auto length = next_length();
  const bool is_last = epoch_ + length >= workshop_.options().epochs;
  if (misses_.step == 0) {
    const double ratio = next_ratio(used, is_last);
    next_ = {fits_.step * ratio, fits_.bytes / ratio};
    return;
  }
  // Halfway; an epoch after which none follows, nearer to what is known to do.
  const double way = is_last && length == 1 ? 1.0 / 3 : 0.5;
  const auto between = [way](double from, double to) { return from * std::pow(to / from, way); };
  // A file that missed may be the larger one, by chance.
  next_ = {between(fits_.step, misses_.step),
           std::min(between(fits_.bytes, misses_.bytes), fits_.bytes)};
}

void Tuning::capture(Checkpoint& checkpoint) const {
  checkpoint.progress.insert_or_assign(
      std::string(place_key), fmt::format("{} {} {} {} {} {} {}", epoch_, next_.step, next_.bytes,
                                          fits_.step, fits_.bytes, misses_.step, misses_.bytes));
}

}  // namespace laconic
