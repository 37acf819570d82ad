#include "train/gradients.h"

#include <ATen/Context.h>
#include <torch/autograd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "laconic/error.h"
#include "laconic/optimizer.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "train/detection/detector_loss.h"
#include "train/mixing.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

// Part of what makes a run's bytes: another number sums in another order. 32 keeps two threads busy
// at a batch of 64, and larger ones were no faster.
constexpr std::size_t samples_per_shard = 32;
// Images of detectors are larger, and batches smaller.
constexpr std::size_t images_per_shard = 4;

bool trains_by_default(const ParameterInfo& info) {
  return info.role != Role::other;
}

bool is_running_statistic(const Graph& graph, const ParameterInfo& info) {
  return graph.nodes[info.node].op == "BatchNormalization" && info.input >= 3;
}

}  // namespace

struct Gradients::Shard {
  double loss = 0;
  std::int64_t right = 0;
  std::vector<at::Tensor> gradients;  ///< Undefined where the loss does not depend on it.
  std::vector<ShardStatistics> statistics;
};

Gradients::Gradients(Network& network, const Dataset& data, const TrainOptions& options)
    : network_(network),
      data_(data),
      options_(options),
      detection_(as_detection(data)),
      loss_(network.graph(), options.loss, options.distillation) {
  bool on_cpu = true;
  for (const auto& info : network.parameters()) {
    const auto& parameter = network.parameter(info.name);
    on_cpu = on_cpu && parameter.is_cpu();
    if (is_running_statistic(network.graph(), info)) continue;
    if (options.trains ? options.trains(info) : trains_by_default(info)) {
      trained_.push_back(info.name);
    }
  }
  if (trained_.empty()) fail(ErrorCode::invalid_data, "the network has no parameter to train");
  if (options.distillation.mix > 0 && !can_mix(network.graph(), data)) {
    fail(ErrorCode::invalid_argument,
         "samples of {} cannot be mixed: they have boxes, a label at each step, or are indices",
         spec_name(data.spec()));
  }
  if (!on_cpu) {
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
  }
  if (detection_ != nullptr) form_ = detector_form(network.graph());
  shard_size_ = !on_cpu                 ? std::numeric_limits<std::size_t>::max()
                : detection_ != nullptr ? images_per_shard
                                        : samples_per_shard;
}

at::Tensor Gradients::answers(const Network& network, const at::Tensor& samples,
                              const RunOptions& run) const {
  const at::Tensor out = network.run(std::array{samples}, run)[0];
  const auto rows = samples.size(0), labels = rows * data_.labels_per_sample();
  if (out.dim() < 1 || out.size(0) != rows || out.numel() != labels * data_.classes()) {
    fail(ErrorCode::invalid_data,
         "the network answers {} samples with {} numbers, but must with {} each to be trained",
         rows, out.numel(), data_.labels_per_sample() * data_.classes());
  }
  return out.reshape({labels, data_.classes()});
}

at::Tensor Gradients::class_loss(at::Tensor samples, const at::Tensor& labels,
                                 const RunOptions& run, std::int64_t& right) const {
  const auto right_of = [](const at::Tensor& outputs, const at::Tensor& classes) {
    return outputs.detach().argmax(1).eq(classes).sum().item<std::int64_t>();
  };
  const auto& distillation = options_.distillation;
  if (distillation.teacher == nullptr) {
    const at::Tensor outputs = answers(network_, samples, run);
    right = right_of(outputs, labels);
    return loss_.sum(outputs, labels, {});
  }
  const auto rows = labels.size(0);
  const auto mixed = std::lround(distillation.mix * static_cast<double>(rows));
  at::Tensor taught;
  {
    const at::NoGradGuard no_gradients;
    mix_first(samples, mixed, run.seed);
    taught = answers(*distillation.teacher, samples, {});
  }
  const at::Tensor outputs = answers(network_, samples, run);
  const auto first = [&](const at::Tensor& tensor) { return tensor.narrow(0, 0, mixed); };
  const auto rest = [&](const at::Tensor& tensor) { return tensor.narrow(0, mixed, rows - mixed); };
  right = right_of(first(outputs), first(taught).argmax(1)) + right_of(rest(outputs), rest(labels));
  return loss_.sum_on_teacher(first(outputs), first(taught)) +
         loss_.sum(rest(outputs), rest(labels), rest(taught));
}

at::Tensor Gradients::detection_loss(const at::Tensor& samples,
                                     std::span<const std::int64_t> indices, const RunOptions& run,
                                     std::uint64_t seed) const {
  const auto* teacher = options_.distillation.teacher;
  std::vector<at::Tensor> taught;
  if (teacher != nullptr) {
    const at::NoGradGuard no_gradients;
    taught = teacher->run(std::array{samples});
  }
  const auto outputs = network_.run(std::array{samples}, run);
  const auto loss =
      detector_loss(*form_, {*detection_, Part::train, indices, data_.augmentation(), seed},
                    outputs, {.hard_examples = options_.hard_examples});
  if (teacher == nullptr) return loss;
  const double weight = options_.distillation.weight;
  return (1 - weight) * loss + weight * distance_to_teacher(outputs, taught);
}

Gradients::Shard Gradients::run_shard(std::span<const std::int64_t> indices, std::int64_t number,
                                      std::size_t minibatch, const StepSeeds& seeds) const {
  const auto device = network_.parameter(trained_[0]).device();
  Shape shape = data_.sample_shape();
  shape.insert(shape.begin(), static_cast<std::int64_t>(indices.size()));
  at::Tensor samples = at::empty(shape, at::kFloat);
  at::Tensor labels = at::empty({shape[0] * data_.labels_per_sample()}, at::kLong);
  const auto count = static_cast<std::size_t>(samples.numel());
  data_.read(Part::train, indices, std::span(samples.data_ptr<float>(), count),
             std::span(labels.data_ptr<std::int64_t>(), static_cast<std::size_t>(labels.numel())),
             data_.augmentation(), seeds.augmentation);
  samples = samples.to(device);
  labels = labels.to(device);

  TensorMap leaves;
  std::vector<at::Tensor> inputs;
  for (const auto& name : trained_) {
    inputs.push_back(network_.parameter(name).detach().requires_grad_());
    leaves.emplace(name, inputs.back());
  }
  Shard shard;
  RunOptions run;
  run.training = options_.training_mode;
  run.seed = Random(seeds.dropout, "shard", static_cast<std::uint64_t>(number)).bits();
  run.overrides = &leaves;
  run.batch_statistics = [&](const Node& node, const at::Tensor& mean, const at::Tensor& variance,
                             std::int64_t elements) {
    shard.statistics.push_back({&node, mean.detach(), variance.detach(), elements});
  };

  const at::Tensor loss = detection_ != nullptr
                              ? detection_loss(samples, indices, run, seeds.augmentation)
                              : class_loss(samples, labels, run, shard.right);
  shard.loss = loss.item<double>();
  const auto labels_of_minibatch = static_cast<std::int64_t>(minibatch) * data_.labels_per_sample();
  shard.gradients = torch::autograd::grad({loss / static_cast<double>(labels_of_minibatch)}, inputs,
                                          {}, {}, false, /*allow_unused=*/true);
  return shard;
}

void Gradients::add(std::span<const Shard> shards) {
  torch_parallel_for(static_cast<std::int64_t>(trained_.size()), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    const at::NoGradGuard no_gradients;
    at::Tensor sum = network_.parameter(trained_[at]).grad();
    for (const auto& shard : shards) {
      if (shard.gradients[at].defined()) sum.add_(shard.gradients[at]);
    }
  });
}

MinibatchResult Gradients::compute(std::span<const std::int64_t> indices, const StepSeeds& seeds) {
  for (const auto& name : trained_) {
    at::Tensor& parameter = network_.parameter(name);
    if (parameter.grad().defined()) {
      parameter.mutable_grad().detach_().zero_();
    } else {
      parameter.mutable_grad() = at::zeros_like(parameter.detach());
    }
  }
  MinibatchResult result;
  // As many shards at a time as there are threads: their gradients take memory until added.
  const auto size = std::min(shard_size_, indices.size());
  const auto count = static_cast<std::int64_t>((indices.size() + size - 1) / size);
  for (std::int64_t first = 0; first < count; first += threads()) {
    std::vector<Shard> shards(
        static_cast<std::size_t>(std::min<std::int64_t>(threads(), count - first)));
    torch_parallel_for(static_cast<std::int64_t>(shards.size()), [&](std::int64_t i) {
      const auto start = static_cast<std::size_t>(first + i) * size;
      shards[static_cast<std::size_t>(i)] =
          run_shard(indices.subspan(start, std::min(size, indices.size() - start)), first + i,
                    indices.size(), seeds);
    });
    add(shards);
    for (auto& shard : shards) {
      result.loss += shard.loss;
      result.right += shard.right;
      result.statistics.push_back(std::move(shard.statistics));
    }
  }
  return result;
}

}  // namespace laconic
