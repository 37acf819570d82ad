#include "train/gradients.h"

#include <ATen/Context.h>
#include <torch/autograd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

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

/// All run as many shards at a time, so that each knows which are whose.
std::int64_t most_threads(Processes& group) {
  std::int64_t most = 0;
  const std::int64_t mine = threads();
  for (const auto& bytes : group.gather("threads", std::as_bytes(std::span(&mine, 1)))) {
    std::int64_t theirs = 0;
    if (bytes.size() == sizeof(theirs)) std::memcpy(&theirs, bytes.data(), sizeof(theirs));
    most = std::max(most, theirs);
  }
  return most;
}

}  // namespace

Gradients::Gradients(Network& network, const Dataset& data, const TrainOptions& options)
    : network_(network),
      data_(data),
      options_(options),
      detection_(as_detection(data)),
      loss_(network.graph(), options.loss, options.distillation),
      threads_(most_threads(processes())) {
  for (const auto& info : network.parameters()) {
    const auto& parameter = network.parameter(info.name);
    on_cpu_ = on_cpu_ && parameter.is_cpu();
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
  if (!on_cpu_) {
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
  }
  if (detection_ != nullptr) form_ = detector_form(network.graph());
  shard_size_ = detection_ != nullptr ? images_per_shard : samples_per_shard;
  if (processes().alone()) return;
  std::vector<at::Tensor> parameters;
  for (const auto& name : trained_) parameters.push_back(network.parameter(name));
  shared_.emplace(processes(), parameters);
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

Shard Gradients::run_shard(std::span<const std::int64_t> indices, std::int64_t number,
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

void Gradients::zero_gradients() {
  for (const auto& name : trained_) {
    at::Tensor& parameter = network_.parameter(name);
    if (parameter.grad().defined()) {
      parameter.mutable_grad().detach_().zero_();
    } else {
      parameter.mutable_grad() = at::zeros_like(parameter.detach());
    }
  }
}

void Gradients::put_shared_sum() {
  std::vector<at::Tensor> sums;
  for (const auto& name : trained_) sums.push_back(network_.parameter(name).grad());
  shared_->put_into(sums);
}

std::size_t Gradients::shard_size(std::size_t minibatch) const {
  const auto processes_there = static_cast<std::size_t>(processes().size());
  const auto whole = (minibatch + processes_there - 1) / processes_there;
  return on_cpu_ ? std::min(shard_size_, minibatch) : whole;
}

std::int64_t Gradients::shards_at_once(std::int64_t count) const {
  const std::int64_t size = processes().size();
  return std::min(threads_, (count + size - 1) / size);
}

MinibatchResult Gradients::compute(std::span<const std::int64_t> indices, const StepSeeds& seeds) {
  zero_gradients();
  if (shared_) shared_->reset();
  MinibatchResult result;
  const auto size = shard_size(indices.size());
  const auto count = static_cast<std::int64_t>((indices.size() + size - 1) / size);
  // As many shards at a time as there are threads: their gradients take memory until added.
  const auto at_once = shards_at_once(count), stride = at_once * processes().size();
  for (std::int64_t first = 0; first < count; first += stride) {
    const Round round{first, std::min(stride, count - first), at_once};
    const auto mine = round.of(processes().rank());
    std::vector<Shard> shards(static_cast<std::size_t>(mine.count()));
    torch_parallel_for(mine.count(), [&](std::int64_t i) {
      const auto start = static_cast<std::size_t>(mine.first + i) * size;
      shards[static_cast<std::size_t>(i)] =
          run_shard(indices.subspan(start, std::min(size, indices.size() - start)), mine.first + i,
                    indices.size(), seeds);
    });
    if (shared_) {
      shards = shared_->add(round, std::move(shards), network_.graph());
    } else {
      add(shards);
    }
    for (auto& shard : shards) {
      result.loss += shard.loss;
      result.right += shard.right;
      result.statistics.push_back(std::move(shard.statistics));
    }
  }
  if (shared_) put_shared_sum();
  return result;
}

}  // namespace laconic
