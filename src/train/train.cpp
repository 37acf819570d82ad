#include "laconic/train.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "laconic/detection_data.h"
#include "laconic/error.h"
#include "laconic/optimizer.h"
#include "laconic/random.h"
#include "laconic/schedule.h"
#include "laconic/threads.h"
#include "train/checkpoint_store.h"
#include "train/gradients.h"
#include "train/identity.h"
#include "train/processes/processes.h"
#include "train/pruning.h"
#include "train/running_statistics.h"
#include "train/sample_order.h"
#include "train/train_state.h"

namespace laconic {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check(const Network& network, const Dataset& data, const TrainOptions& options) {
  check_fits(network.graph(), data);
  const auto positive = [](std::string_view what, std::int64_t value) {
    if (value < 1)
      fail(ErrorCode::invalid_argument, "{} is {}, but must be at least 1", what, value);
  };
  positive("epochs", options.epochs);
  positive("batch", options.batch);
  if (!(options.weight_decay >= 0) || !std::isfinite(options.weight_decay)) {
    fail(ErrorCode::invalid_argument, "the weight decay is {}, but must be >=0",
         options.weight_decay);
  }
  if (!(options.clip_gradients >= 0) || !std::isfinite(options.clip_gradients)) {
    fail(ErrorCode::invalid_argument, "the bound on gradients is {}, but must be >=0",
         options.clip_gradients);
  }
  if (options.training_mode) check_running_statistics(network);
  if (data.size(Part::train) == 0) fail(ErrorCode::invalid_data, "the data have no train samples");
}

/// Puts a method's quantized weights in for the time of an evaluation.
class EvaluationScope {
 public:
  EvaluationScope(Method* method, Network& network) : method_(method), network_(network) {
    if (method_ != nullptr) method_->before_evaluation(network_);
  }
  ~EvaluationScope() {
    if (method_ != nullptr) method_->after_evaluation(network_);
  }
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;

 private:
  Method* method_;
  Network& network_;
};

class Trainer {
 public:
  Trainer(Network& network, const Dataset& data, const TrainOptions& options,
          const ProgressSink& progress)
      : network_(network),
        data_(data),
        options_(options),
        progress_(progress),
        detects_(as_detection(data) != nullptr),
        gradients_(network, data, options),
        order_(data.size(Part::train), options.batch, options.seed),
        optimizer_(make_optimizer(options.optimizer)),
        schedule_(make_schedule(options.schedule)),
        total_steps_(options.epochs * order_.steps_per_epoch()),
        store_(options.checkpoint, options.existing,
               identity_of(network, data, options, gradients_.trained())) {}

  TrainReport run() {
    begin();
    try {
      for (;;) {
        stop_if_asked();
        if (state_.epochs.size() < static_cast<std::size_t>(state_.step / order_.steps_per_epoch()))
          end_epoch();
        if (state_.step == total_steps_) break;
        step();
        if (store_.due()) save();
      }
      check_same_parameters();
      check_finite();
      save();
    } catch (const Error& error) {
      // Within a step a method may have other weights in the network's place.
      if (error.code() == ErrorCode::interrupted && !within_step_) stop();
      if (error.code() == ErrorCode::diverged && std::filesystem::exists(store_.path()))
        fail(ErrorCode::diverged, "{}; \"{}\" is as last written", error.what(),
             store_.path().string());
      throw;
    }
    return report();
  }

 private:
  void begin() {
    const auto found = store_.open();
    if (!options_.pruning.empty() && !found) start_pruning();
    if (options_.method != nullptr) options_.method->begin(network_);
    TensorMap trained;
    std::map<std::string, double, std::less<>> rates;
    for (const auto& name : gradients_.trained()) {
      trained.emplace(name, network_.parameter(name));
      if (options_.method != nullptr) rates.emplace(name, options_.method->rate(name));
    }
    optimizer_->begin(trained, options_.weight_decay, rates);
    if (found) {
      state_ = restore_state(*found, network_, *optimizer_, options_.method);
      resumed_at_ = state_.step;
      if (!options_.pruning.empty()) start_pruning();
      if (state_.step > total_steps_)
        fail(ErrorCode::corrupt_data, "the checkpoint is beyond the run's end");
    }
  }

  /// All processes stop before the same step: where they share steps, those tell who was asked to.
  static void stop_if_asked() {
    if (processes().alone()) return throw_if_interrupted();
    if (processes().stop_asked())
      fail(ErrorCode::interrupted, "interrupted: stopped as asked, nothing was written");
  }

  /// Each process takes the steps by itself: where arithmetic differs, as between machines of
  /// different kinds, they would drift apart.
  void check_same_parameters() const {
    if (!processes().alone()) processes().check_same("trained network", digest_of(network_));
  }

  void start_pruning() {
    pruning_.emplace(network_, parse_pruning(options_.pruning), options_.importance, state_.step,
                     total_steps_);
  }

  [[nodiscard]] Progress where() const {
    return {state_.step / order_.steps_per_epoch(), state_.step, total_steps_, optimizer_.get()};
  }

  [[nodiscard]] double rate_factor() const {
    const auto [first, last] =
        options_.method != nullptr ? options_.method->period(where()) : StepRange{0, total_steps_};
    const auto per_epoch = static_cast<double>(order_.steps_per_epoch());
    return schedule_->factor(static_cast<double>(state_.step - first) / per_epoch,
                             static_cast<double>(last - first) / per_epoch);
  }

  void step() {
    within_step_ = true;
    const auto at = where();
    const auto number = static_cast<std::uint64_t>(state_.step);
    const StepSeeds seeds{
        Random(options_.seed, "augmentation", static_cast<std::uint64_t>(at.epoch)).bits(),
        Random(options_.seed, "dropout", number).bits()};
    if (options_.method != nullptr) options_.method->before_forward(network_, at);
    const auto indices = order_.minibatch(state_.step);
    const auto result = gradients_.compute(indices, seeds);
    update(result, at);

    state_.loss += result.loss;
    state_.right += result.right;
    state_.labels += static_cast<std::int64_t>(indices.size()) * data_.labels_per_sample();
    ++state_.step;
    within_step_ = false;
    tell();
  }

  void update(const MinibatchResult& result, const Progress& at) {
    try {
      clip_gradients();
      if (options_.method != nullptr) options_.method->after_backward(network_, at);
      if (!std::isfinite(result.loss)) diverged("the loss");
      rate_ = rate_factor();
      optimizer_->step(rate_);
      if (pruning_) pruning_->apply(state_.step + 1);
      update_running_statistics(network_, result.statistics);
      if (options_.method != nullptr) options_.method->after_update(network_, at);
    } catch (const Error&) {
      throw;
    } catch (const std::runtime_error&) {  // LibTorch's, of a factor that is beyond floats.
      diverged("the update");
    }
  }

  void clip_gradients() {
    if (options_.clip_gradients == 0) return;
    const at::NoGradGuard no_gradients;
    for (const auto& name : gradients_.trained()) {
      network_.parameter(name).mutable_grad().clamp_(-options_.clip_gradients,
                                                     options_.clip_gradients);
    }
  }

  void end_epoch() {
    EpochReport report;
    const auto labels = static_cast<double>(std::max<std::int64_t>(state_.labels, 1));
    report.epoch = static_cast<std::int64_t>(state_.epochs.size()) + 1;
    report.loss = state_.loss / labels;
    report.accuracy = static_cast<double>(state_.right) / labels;
    report.learning_rate = optimizer_->learning_rate() * rate_factor();
    if (data_.size(Part::validation) > 0) {
      const EvaluationScope scope(options_.method, network_);
      report.validation = evaluate(network_, data_, Part::validation);
    }
    state_.epochs.push_back(report);
    state_.loss = 0;
    state_.right = 0;
    state_.labels = 0;
    if (!progress_) return;
    std::string message = fmt::format("epoch {} of {}: {}", report.epoch, options_.epochs,
                                      figures(report.loss, report.accuracy));
    if (report.validation) {
      message += fmt::format(", validation loss {:.4f}, {} {:.2f} %", report.validation->loss,
                             detects_ ? "mAP50" : "accuracy", 100 * report.validation->accuracy);
    }
    progress_({"train", done_samples(), total_steps_ * batch(), message, true});
  }

  /// Of samples as they are trained on; what a detector finds in them is not counted.
  [[nodiscard]] std::string figures(double loss, double accuracy) const {
    if (detects_) return fmt::format("loss {:.4f}", loss);
    return fmt::format("loss {:.4f}, accuracy {:.2f} %", loss, 100 * accuracy);
  }

  [[nodiscard]] std::int64_t batch() const {
    return std::min(options_.batch, data_.size(Part::train));
  }
  [[nodiscard]] std::int64_t done_samples() const { return state_.step * batch(); }

  void tell() {
    if (!progress_ || seconds_since(told_) < 0.1) return;
    told_ = Clock::now();
    const auto labels = static_cast<double>(state_.labels);
    progress_({"train", done_samples(), total_steps_ * batch(),
               figures(state_.loss / labels, static_cast<double>(state_.right) / labels), false});
  }

  void check_finite() {
    for (const auto& info : network_.parameters()) {
      if (!at::isfinite(network_.parameter(info.name).detach()).all().item<bool>()) {
        diverged(fmt::format("parameter \"{}\"", info.name));
      }
    }
  }

  [[noreturn]] void diverged(std::string_view what) const {
    fail(ErrorCode::diverged,
         "training diverged at step {} of {}: {} is no longer finite; a lower learning rate may "
         "help",
         state_.step + 1, total_steps_, what);
  }

  void save() {
    if (!store_.writes()) return;
    check_finite();
    store_.write(capture_state(state_, network_, *optimizer_, options_.method));
  }

  [[noreturn]] void stop() {
    save();
    fail(ErrorCode::interrupted, "training was interrupted at step {} of {}{}", state_.step,
         total_steps_,
         store_.path().empty() ? "; nothing was written"
                               : fmt::format("; \"{}\" continues it", store_.path().string()));
  }

  [[nodiscard]] TrainReport report() const {
    TrainReport out;
    out.epochs = state_.epochs;
    out.steps = state_.step;
    out.resumed_at = resumed_at_;
    for (const auto& name : gradients_.trained()) {
      const auto moment = optimizer_->second_moment(name);
      if (!moment.defined()) continue;
      out.second_moments.emplace(name, to_dense(moment).values);
    }
    return out;
  }

  Network& network_;
  const Dataset& data_;
  const TrainOptions& options_;
  const ProgressSink& progress_;
  bool detects_;
  Gradients gradients_;
  SampleOrder order_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Schedule> schedule_;
  std::int64_t total_steps_;
  CheckpointStore store_;
  std::optional<PruneInTraining> pruning_;
  TrainState state_;
  std::int64_t resumed_at_ = 0;
  double rate_ = 1;
  bool within_step_ = false;
  Clock::time_point told_{};
};

}  // namespace

TrainReport train(Network& network, const Dataset& data, const TrainOptions& options,
                  const ProgressSink& progress) {
  check(network, data, options);
  return Trainer(network, data, options, progress).run();
}

}  // namespace laconic
