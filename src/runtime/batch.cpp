#include "runtime/batch.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "laconic/error.h"
#include "runtime/samples.h"

namespace laconic::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// Samples at once; more only as long as they are faster.
constexpr std::int64_t always_tried = 8;
constexpr double worth_it = 0.97;  ///< Of the time, for which values take twice the memory.
constexpr int least_rounds = 2;    ///< Of measuring, and for how long.
constexpr auto enough = std::chrono::milliseconds(50);
constexpr double slow = 0.25;  ///< Seconds: what takes longer is not tried, one sample excepted.

struct Candidate {
  std::int64_t samples;
  std::unique_ptr<Plan> plan;
  double time = std::numeric_limits<double>::infinity();  ///< Seconds per sample.
};

/// In turns, so that what else the machine does meets all alike.
void measure(std::span<Candidate> candidates, std::span<const std::byte* const> data) {
  const auto begin = Clock::now();
  for (int round = 0; round < least_rounds || Clock::now() - begin < enough; ++round) {
    for (Candidate& candidate : candidates) {
      const auto start = Clock::now();
      candidate.plan->run(data);
      const std::chrono::duration<double> time = Clock::now() - start;
      candidate.time =
          std::min(candidate.time, time.count() / static_cast<double>(candidate.samples));
    }
  }
}

bool is_worth_it(const Candidate& larger, const Candidate& smaller) {
  return larger.time < worth_it * smaller.time;
}

/// Samples that the inputs hold; 0 where they do not agree, or say what to do.
std::int64_t batch_of(std::span<const Value> inputs) {
  std::int64_t samples = 0;
  for (const Value& input : inputs) {
    const Shape& shape = input.signature.shape;
    if (shape.empty() || input.known || (samples > 0 && shape[0] != samples)) return 0;
    samples = shape[0];
  }
  return samples;
}

std::vector<Value> with_samples(std::span<const Value> inputs, std::int64_t samples) {
  std::vector<Value> out(inputs.begin(), inputs.end());
  for (Value& input : out) input.signature.shape[0] = samples;
  return out;
}

/// Whether the network takes other batches, and keeps their samples apart.
bool splits(const Program& program, std::span<const Value> inputs) {
  try {
    return samples_are_apart(program, Plan::infer(program, with_samples(inputs, 2)),
                             Plan::infer(program, with_samples(inputs, 3)));
  } catch (const Error&) {
    return false;
  }
}

/// Whether the outputs are of so many samples, each as large as those of the other plan.
bool is_of_batch(const Plan& plan, std::int64_t samples, const Plan& other) {
  for (std::size_t i = 0; i < plan.output_count(); ++i) {
    Shape shape = other.output(i).shape;
    if (shape.empty()) return false;
    shape[0] = samples;
    if (plan.output(i).shape != shape) return false;
  }
  return true;
}

}  // namespace

/// Plans for any number of the batch's samples.
struct Batch::Maker {
  const Program& program;
  std::span<const Value> inputs;
  PreparedLayers& prepared;
  LayerKernels kernels;

  [[nodiscard]] std::unique_ptr<Plan> all() const {
    return std::make_unique<Plan>(program, inputs, prepared, kernels);
  }
  [[nodiscard]] std::unique_ptr<Plan> some(std::int64_t samples) const {
    return std::make_unique<Plan>(program, with_samples(inputs, samples), prepared, kernels);
  }

  void find_size(std::span<const std::byte* const> data, std::int64_t samples,
                 PartSize& part) const {
    if (part.settled) return;
    std::vector<Candidate> candidates(1);
    candidates[0] = {1, some(1)};
    measure(candidates, data);
    const double single = candidates[0].time;
    const auto fits = [&](std::int64_t count) {
      return count <= samples && static_cast<double>(count) * single <= slow;
    };
    for (std::int64_t count = 2; count <= always_tried && fits(count); count *= 2)
      candidates.push_back({count, some(count)});
    if (candidates.size() > 1) measure(candidates, data);
    const Candidate* best = &candidates[0];
    for (const Candidate& other : candidates) {
      if (is_worth_it(other, *best)) best = &other;
    }
    part.samples = best->samples;
    part.settled = samples >= always_tried && best != &candidates.back();
    auto last = std::move(candidates.back());
    while (!part.settled && fits(2 * last.samples)) {
      Candidate next{2 * last.samples, some(2 * last.samples)};
      measure({&next, 1}, data);
      part.settled = !is_worth_it(next, last);
      if (!part.settled) part.samples = next.samples;
      last = std::move(next);
    }
    part.settled = part.settled || static_cast<double>(2 * last.samples) * single > slow;
  }
};

Batch::Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
             LayerKernels kernels) {
  take_all({program, inputs, prepared, kernels});
}

Batch::Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
             LayerKernels kernels, std::span<const std::byte* const> data, PartSize& part) {
  const Maker maker{program, inputs, prepared, kernels};
  samples_ = batch_of(inputs);
  if (samples_ < 2 || !splits(program, inputs)) {
    take_all(maker);
    return;
  }
  // Shapes that are computed may be of a batch for some numbers of samples alone.
  try {
    maker.find_size(data, samples_, part);
    part_ = std::min(part.samples, samples_);
    const auto rest = samples_ % part_;
    plan_ = maker.some(part_);
    if (rest > 0) rest_ = maker.some(rest);
    if (take_parts(program.max_elements)) {
      for (const Value& input : inputs)
        sample_bytes_.push_back(input.signature.bytes() / static_cast<std::size_t>(samples_));
      part_inputs_.resize(inputs.size());
      return;
    }
  } catch (const Error&) {
  }
  rest_.reset();
  take_all(maker);
}

bool Batch::take_parts(std::int64_t max_elements) {
  const auto rest = samples_ % part_;
  if (!is_of_batch(*plan_, part_, *plan_) || (rest_ && !is_of_batch(*rest_, rest, *plan_)))
    return false;
  for (std::size_t i = 0; i < plan_->output_count(); ++i) {
    outputs_.push_back(plan_->output(i));
    if (outputs_[i].count() / part_ > max_elements / samples_) return false;
    outputs_[i].shape[0] = samples_;
  }
  for (const Signature& output : outputs_)
    answers_.emplace_back().reserve(std::max<std::size_t>(output.bytes(), 1));
  return true;
}

void Batch::take_all(const Maker& maker) {
  plan_ = maker.all();
  samples_ = part_ = 1;
  outputs_.clear();
  for (std::size_t i = 0; i < plan_->output_count(); ++i) outputs_.push_back(plan_->output(i));
}

void Batch::run(std::span<const std::byte* const> inputs) {
  if (answers_.empty()) return plan_->run(inputs);
  for (std::int64_t first = 0; first < samples_; first += part_) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      part_inputs_[i] = inputs[i] + static_cast<std::size_t>(first) * sample_bytes_[i];
    }
    Plan& plan = first + part_ <= samples_ ? *plan_ : *rest_;
    plan.run(part_inputs_);
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      const auto sample = outputs_[i].bytes() / static_cast<std::size_t>(samples_);
      std::memcpy(answers_[i].data() + static_cast<std::size_t>(first) * sample,
                  plan.output_data(i), plan.output(i).bytes());
    }
  }
}

const std::byte* Batch::output_data(std::size_t i) {
  return answers_.empty() ? plan_->output_data(i) : answers_[i].data();
}

std::size_t Batch::value_bytes() const noexcept {
  std::size_t bytes = plan_->value_bytes() + (rest_ ? rest_->value_bytes() : 0);
  for (const auto& answer : answers_) bytes += answer.size();
  return bytes;
}

std::size_t Batch::scratch_bytes() const noexcept {
  return plan_->scratch_bytes() + (rest_ ? rest_->scratch_bytes() : 0);
}

}  // namespace laconic::runtime
