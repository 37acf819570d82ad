#include "runtime/batch.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>

#include "laconic/error.h"
#include "laconic/threads.h"
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

std::int64_t parts_of(std::int64_t samples, std::int64_t part) {
  return (samples + part - 1) / part;
}

/// The part of about that size of which every worker gets as many.
std::int64_t shared_evenly(std::int64_t part, std::int64_t samples, std::int64_t workers) {
  const auto rounds = parts_of(parts_of(samples, part), workers);
  return parts_of(samples, rounds * workers);
}

/// Whether the network takes other batches, and keeps their samples apart.
bool splits(const Program& program, std::span<const Value> inputs) {
  try {
    return samples_are_apart(program, Plan::infer(program, with_samples(inputs, 2)),
                             Plan::infer(program, with_samples(inputs, 3)));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_data) throw;
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
  const ChosenKernels& kernels;

  [[nodiscard]] std::unique_ptr<Plan> all() const {
    return std::make_unique<Plan>(program, inputs, prepared, kernels);
  }
  [[nodiscard]] std::unique_ptr<Plan> some(std::int64_t samples) const {
    return std::make_unique<Plan>(program, with_samples(inputs, samples), prepared, kernels);
  }

  void find_size(std::span<const std::byte* const> data, std::int64_t samples,
                 BatchTuning& tuning) const {
    if (tuning.settled || samples <= tuning.largest) return;
    const SerialLoops each_thread_by_itself;
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
    tuning.samples = best->samples;
    tuning.settled = samples >= always_tried && best != &candidates.back();
    auto last = std::move(candidates.back());
    while (!tuning.settled && fits(2 * last.samples)) {
      Candidate next{2 * last.samples, some(2 * last.samples)};
      measure({&next, 1}, data);
      tuning.settled = !is_worth_it(next, last);
      if (!tuning.settled) tuning.samples = next.samples;
      last = std::move(next);
    }
    tuning.settled = tuning.settled || static_cast<double>(2 * last.samples) * single > slow;
    tuning.largest = samples;
  }
};

Batch::Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
             const ChosenKernels& kernels) {
  take_all({program, inputs, prepared, kernels});
}

Batch::Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
             const ChosenKernels& kernels, std::span<const std::byte* const> data,
             BatchTuning& tuning) {
  const Maker maker{program, inputs, prepared, kernels};
  samples_ = batch_of(inputs);
  if (samples_ >= 2 && splits(program, inputs)) {
    // Shapes that are computed may be of a batch for some numbers of samples alone.
    try {
      take_parts(maker, tuning, data);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_data) throw;
      plans_.clear();
    }
  }
  if (!plans_.empty()) return;
  take_all(maker);
  choose_threads(maker, tuning, data);
}

void Batch::choose_threads(const Maker& maker, BatchTuning& tuning,
                           std::span<const std::byte* const> data) {
  constexpr std::size_t most_kept = 1000;
  if (threads() == 1) return;
  std::vector<Shape> shapes;
  for (const Value& input : maker.inputs) shapes.push_back(input.signature.shape);
  auto found = tuning.alone.find(shapes);
  if (found == tuning.alone.end()) {
    if (tuning.alone.size() >= most_kept) tuning.alone.clear();
    found = tuning.alone.emplace(std::move(shapes), plans_[0]->faster_alone(data)).first;
  }
  plans_[0]->run_alone(found->second);
}

void Batch::take_parts(const Maker& maker, BatchTuning& tuning,
                       std::span<const std::byte* const> data) {
  const auto workers = threads();
  if (samples_ < workers && !tuning.told) return;  // Its layers are shared among threads instead.
  maker.find_size(data, samples_, tuning);
  part_ = std::min(tuning.samples, samples_);
  if (!tuning.told) part_ = shared_evenly(part_, samples_, workers);
  if (part_ == samples_) return;
  const SerialLoops each_thread_by_itself;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(workers, parts_of(samples_, part_)); ++i)
    plans_.push_back(maker.some(part_));
  if (const auto rest = samples_ % part_; rest > 0) rest_ = maker.some(rest);
  if (!join_answers(maker.program.max_elements)) return plans_.clear();
  for (const Value& input : maker.inputs)
    sample_bytes_.push_back(input.signature.bytes() / static_cast<std::size_t>(samples_));
  part_inputs_.assign(plans_.size(), std::vector<const std::byte*>(maker.inputs.size()));
}

bool Batch::join_answers(std::int64_t max_elements) {
  const auto rest = samples_ % part_;
  const Plan& plan = *plans_[0];
  if (!is_of_batch(plan, part_, plan) || (rest_ && !is_of_batch(*rest_, rest, plan))) return false;
  for (std::size_t i = 0; i < plan.output_count(); ++i) {
    outputs_.push_back(plan.output(i));
    if (outputs_[i].count() / part_ > max_elements / samples_) return false;
    outputs_[i].shape[0] = samples_;
  }
  for (const Signature& output : outputs_)
    answers_.emplace_back().reserve(std::max<std::size_t>(output.bytes(), 1));
  return true;
}

void Batch::take_all(const Maker& maker) {
  samples_ = part_ = 1;
  rest_.reset();
  answers_.clear();
  outputs_.clear();
  plans_.push_back(maker.all());
  for (std::size_t i = 0; i < plans_[0]->output_count(); ++i)
    outputs_.push_back(plans_[0]->output(i));
}

void Batch::run(std::span<const std::byte* const> inputs) {
  if (answers_.empty()) return plans_[0]->run(inputs);
  next_ = 0;
  const auto work = [&](std::int64_t worker) {
    run_parts(static_cast<std::size_t>(worker), inputs);
  };
  parallel_for(std::ssize(plans_), std::ref(work));  // A reference: it might allocate for a copy.
}

void Batch::run_parts(std::size_t worker, std::span<const std::byte* const> inputs) {
  auto& part_inputs = part_inputs_[worker];
  for (;;) {
    const auto first = part_ * next_.fetch_add(1);
    if (first >= samples_) return;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      part_inputs[i] = inputs[i] + static_cast<std::size_t>(first) * sample_bytes_[i];
    Plan& plan = first + part_ <= samples_ ? *plans_[worker] : *rest_;
    plan.run(part_inputs);
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      const auto sample = outputs_[i].bytes() / static_cast<std::size_t>(samples_);
      std::memcpy(answers_[i].data() + static_cast<std::size_t>(first) * sample,
                  plan.output_data(i), plan.output(i).bytes());
    }
  }
}

const std::byte* Batch::output_data(std::size_t i) {
  return answers_.empty() ? plans_[0]->output_data(i) : answers_[i].data();
}

int Batch::threads_used() const noexcept {
  if (plans_.size() > 1) return std::min(static_cast<int>(plans_.size()), threads());
  return answers_.empty() && plans_[0]->shares_steps() ? threads() : 1;
}

std::size_t Batch::value_bytes() const noexcept {
  std::size_t bytes = rest_ ? rest_->value_bytes() : 0;
  for (const auto& plan : plans_) bytes += plan->value_bytes();
  for (const auto& answer : answers_) bytes += answer.size();
  return bytes;
}

std::size_t Batch::scratch_bytes() const noexcept {
  std::size_t bytes = rest_ ? rest_->scratch_bytes() : 0;
  for (const auto& plan : plans_) bytes += plan->scratch_bytes();
  return bytes;
}

}  // namespace laconic::runtime
