#include "laconic/evaluate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "laconic/error.h"
#include "laconic/evaluate_detections.h"
#include "laconic/threads.h"
#include "train/answer.h"
#include "train/identity.h"
#include "train/processes/processes.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

/// Cross-entropy of one sample, in nats.
double loss_of(std::span<const float> row, std::size_t label, Answer answer) {
  if (answer == Answer::log_probabilities) return -static_cast<double>(row[label]);
  if (answer == Answer::probabilities) {
    const double least = std::numeric_limits<float>::min();
    return -std::log(std::max(static_cast<double>(row[label]), least));
  }
  const double top = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float value : row) sum += std::exp(static_cast<double>(value) - top);
  return top + std::log(sum) - static_cast<double>(row[label]);
}

struct Sums {
  std::int64_t right = 0;
  double loss = 0;
};

/// Notes in `right`, one entry a label, which labels were answered right.
Sums score(std::span<const float> rows, std::span<const std::int64_t> labels, std::size_t classes,
           Answer answer, std::span<std::uint8_t> right) {
  Sums sums;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = rows.subspan(i * classes, classes);
    const auto label = static_cast<std::size_t>(labels[i]);
    const auto best =
        static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
    right[i] = best == label && !std::isnan(row[best]) ? 1 : 0;
    sums.right += right[i];
    sums.loss += loss_of(row, label, answer);
  }
  return sums;
}

/// The network's answers to samples, one row for each label.
class Answers {
 public:
  Answers(const Network& network, const Dataset& data, const EvaluateOptions& options)
      : network_(network), classes_(data.classes()), labels_(data.labels_per_sample()) {
    run_.overrides = options.overrides;
  }

  /// Runs samples one by one from now on if the network cannot take many at once.
  void probe(const at::Tensor& samples) {
    if (network_.graph().inputs[0].shape[0] != 1 || samples.size(0) < 2) return;
    try {
      const at::Tensor together = (*this)(samples);
      one_by_one_ = true;
      one_by_one_ = !at::allclose((*this)(samples), together, 1e-3, 1e-3, true);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_data) throw;
      one_by_one_ = true;
    }
  }

  at::Tensor operator()(const at::Tensor& samples) const {
    if (!one_by_one_) return run(samples);
    std::vector<at::Tensor> rows;
    for (std::int64_t i = 0; i < samples.size(0); ++i) rows.push_back(run(samples.narrow(0, i, 1)));
    return at::cat(rows);
  }

 private:
  [[nodiscard]] at::Tensor run(const at::Tensor& samples) const {
    const at::NoGradGuard no_gradients;
    const at::Tensor out = network_.run(std::array{samples}, run_)[0];
    const auto rows = samples.size(0) * labels_;
    if (out.dim() < 1 || out.size(0) != samples.size(0) || out.numel() != rows * classes_) {
      fail(ErrorCode::invalid_data, "the network answers {} samples with {} numbers, not {} each",
           samples.size(0), out.numel(), labels_ * classes_);
    }
    return out.reshape({rows, classes_}).to(at::kCPU, at::kFloat).contiguous();
  }

  const Network& network_;
  std::int64_t classes_, labels_;
  RunOptions run_;
  bool one_by_one_ = false;
};

struct Batch {
  at::Tensor samples;
  std::vector<std::int64_t> labels;
};

Batch read_batch(const Dataset& data, Part part, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  Shape shape = data.sample_shape();
  shape.insert(shape.begin(), count);
  Batch batch{at::empty(shape, at::kFloat),
              std::vector<std::int64_t>(indices.size() *
                                        static_cast<std::size_t>(data.labels_per_sample()))};
  const std::span x(batch.samples.data_ptr<float>(),
                    static_cast<std::size_t>(batch.samples.numel()));
  data.read(part, indices, x, batch.labels);
  return batch;
}

/// Of all batches, from what each process has of its share.
template <typename Item>
std::vector<Item> join(std::string_view what, const std::vector<Item>& mine) {
  std::vector<Item> all;
  for (const auto& bytes : processes().gather(what, std::as_bytes(std::span(mine)))) {
    const auto had = all.size(), count = bytes.size() / sizeof(Item);
    all.resize(had + count);
    std::memcpy(all.data() + had, bytes.data(), count * sizeof(Item));
  }
  return all;
}

std::string text(std::span<const std::int64_t> shape) {
  return fmt::format("{}", fmt::join(shape.begin(), shape.end(), "x"));
}

}  // namespace

void check_fits(const Graph& graph, const Dataset& data) {
  if (const auto* detection = as_detection(data)) return check_detector_fits(graph, *detection);
  if (graph.inputs.size() != 1 || graph.outputs.empty()) {
    fail(ErrorCode::invalid_data,
         "the network has {} inputs and {} outputs, but must have one input and an output",
         graph.inputs.size(), graph.outputs.size());
  }
  const Shape& taken = graph.inputs[0].shape;
  const Shape& samples = data.sample_shape();
  bool fits = taken.size() == samples.size() + 1;
  for (std::size_t i = 0; fits && i < samples.size(); ++i) {
    fits = taken[i + 1] == -1 || taken[i + 1] == samples[i];
  }
  if (!fits) {
    const auto sample = std::span(taken).subspan(taken.empty() ? 0 : 1);
    fail(ErrorCode::invalid_data, "the network takes {}, samples are {}", text(sample),
         text(samples));
  }
  const Shape& answer = graph.outputs[0].shape;
  if (!answer.empty() && answer.back() != -1 && answer.back() != data.classes()) {
    fail(ErrorCode::invalid_data, "the network answers with {} numbers, the data have {} classes",
         answer.back(), data.classes());
  }
}

Score evaluate(const Network& network, const Dataset& data, Part part,
               const EvaluateOptions& options, const ProgressSink& progress) {
  check_fits(network.graph(), data);
  if (options.batch < 1)
    fail(ErrorCode::invalid_argument, "batch is {}, but must be at least 1", options.batch);
  if (const auto* detection = as_detection(data)) {
    const auto found = evaluate_detections(network, *detection, part, options, progress);
    if (options.right != nullptr) options.right->clear();
    return {found.score.map50, found.loss, std::ssize(found.images)};
  }
  const auto available = data.size(part);
  const auto samples = options.limit > 0 ? std::min(options.limit, available) : available;
  if (samples == 0) fail(ErrorCode::invalid_data, "the data have no {} samples", name(part));
  const auto answer = answer_of(network.graph());
  const auto classes = data.classes();
  Answers answers(network, data, options);
  answers.probe(read_batch(data, part, 0, std::min<std::int64_t>(samples, 2)).samples);

  auto& together = processes();
  if (!together.alone()) together.check_same("network", digest_of(network));
  const auto share = together.share((samples + options.batch - 1) / options.batch);
  std::vector<Sums> sums(static_cast<std::size_t>(share.count()));
  const auto labels = data.labels_per_sample();
  const auto first_sample = share.first * options.batch;
  std::vector<std::uint8_t> right(static_cast<std::size_t>(
      labels * std::clamp<std::int64_t>(samples - first_sample, 0, share.count() * options.batch)));
  // Groups of batches, so that progress is told from the caller's thread.
  const std::int64_t group = std::max<std::int64_t>(4 * threads(), 16);
  for (std::int64_t start = 0; start < share.count(); start += group) {
    throw_if_interrupted();
    torch_parallel_for(std::min(group, share.count() - start), [&](std::int64_t i) {
      const auto first = (share.first + start + i) * options.batch;
      const Batch batch = read_batch(data, part, first, std::min(options.batch, samples - first));
      const at::Tensor rows = answers(batch.samples);
      const std::span values(rows.data_ptr<float>(), static_cast<std::size_t>(rows.numel()));
      sums[static_cast<std::size_t>(start + i)] =
          score(values, batch.labels, static_cast<std::size_t>(classes), answer,
                std::span(right).subspan(static_cast<std::size_t>((first - first_sample) * labels),
                                         batch.labels.size()));
    });
    // Shares are alike, give or take a batch.
    if (progress) {
      const auto done = (start + group) * options.batch * together.size();
      progress({"evaluate", std::min(done, samples), samples, {}, false});
    }
  }
  const auto what = fmt::format("evaluation of {} {} samples", samples, name(part));
  Sums total;
  for (const Sums& part_of : join(what, sums)) {
    total.right += part_of.right;
    total.loss += part_of.loss;
  }
  if (options.right != nullptr) *options.right = join(what + ", labels", right);
  const auto count = static_cast<double>(samples * labels);
  return {static_cast<double>(total.right) / count, total.loss / count, samples};
}

}  // namespace laconic
