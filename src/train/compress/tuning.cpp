#include "train/compress/tuning.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "laconic/detection_data.h"
#include "laconic/train.h"
#include "train/compress/joined_parts.h"
#include "train/post/even_codebook.h"
#include "train/post/fine_tune.h"

namespace laconic {
namespace {

/// About what an epoch wins back.
constexpr double first_coarsening = 1.2;
/// Of bits while training, against their worth: zeros draw more zeros along from step to step, so
/// the price must be lower than where assignments are made once.
constexpr double training_price = 0.2;
/// Of Adam, in steps: an index that wants to change needs some 300 updates.
constexpr double learning_rate = 0.003;
constexpr std::int64_t batch = 64;

/// How much wider the next epoch's step is, by the share of the budget that the last one used.
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
    const float step = short_float(spacing.step * ratio);
    tensor->codebooks[0] = evenly_spaced_over(floats, step);
    for (std::size_t i = 0; i < floats.size(); ++i) {
      tensor->indices[i] = tensor->codebooks[0].nearest(floats[i]);
    }
  }
  return model;
}

}  // namespace

void tune(const Workshop& workshop, const Candidate& start,
          const std::function<double(Candidate)>& offer) {
  const auto& options = workshop.options();
  Network student(workshop.network().graph());
  // What the float network has learned by heart, a student that never sees it forgets; it would
  // then be held against samples that it has not learned and the float network has.
  const JoinedParts all(workshop.data());
  const Dataset& samples =
      workshop.has_learned_validation() && as_detection(workshop.data()) == nullptr
          ? all
          : workshop.data();
  double step = start.step * (options.budget.max_drop ? first_coarsening : 1.03);
  QuantizedModel model = workshop.quantize(step).network.tensors;
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    FineTune method(std::move(model), training_price);
    TrainOptions training;
    training.epochs = 1;
    training.batch = batch;
    training.optimizer = "adam:lr=" + print_number(learning_rate);
    training.schedule = "cosine";
    training.distillation = {&workshop.network(), 2, 0.9};
    training.seed = options.seed + static_cast<std::uint64_t>(epoch);
    training.training_mode = false;  // Normalisation has become a scale and bias.
    training.method = &method;
    train(student, samples, training, workshop.progress());
    model = method.finish(student);
    auto tensors = model;
    for (auto& [name, parameter] : tensors) {
      if (auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor)) drop_unused_ends(*tensor);
    }
    auto candidate = workshop.wrap(
        std::move(tensors), fmt::format("step {:.4g}, {} epochs of training", step, epoch + 1));
    candidate.step = step;
    workshop.evaluate(candidate);
    const double used = offer(std::move(candidate));
    const double ratio = next_ratio(used);
    model = coarsen(std::move(model), student, ratio);
    step *= ratio;
  }
}

}  // namespace laconic
