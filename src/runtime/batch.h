// A program planned for a batch: run as one, or in parts. What a few samples need between layers
// stays in the processor's caches, what many need goes through memory; and threads that take a part
// each wait for one another once a batch, not in every layer.

#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "runtime/plan.h"

namespace laconic::runtime {

/// What was measured as batches came, for those still to come.
struct BatchTuning {
  std::int64_t samples = 0;  ///< Of a part: fastest so far; 0: not measured.
  bool settled = false;      ///< More at once were slower, or no faster.
  bool told = false;         ///< Whatever the number of threads.
  std::int64_t largest = 0;  ///< Batch that it was measured on.

  /// Which steps of a plan are run on one thread, by the shapes of the inputs.
  std::map<std::vector<Shape>, std::vector<bool>> alone = {};
};

class Batch {
 public:
  /// As Plan; runs all samples at once.
  Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
        const ChosenKernels& kernels);

  /// In parts of the size that is fastest, which is measured on the elements `data` unless it is
  /// settled or was measured on as large a batch, and shared among threads where there are as many
  /// samples; all at once where the network does not keep samples apart. What runs as one takes
  /// threads in the steps that gain.
  Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
        const ChosenKernels& kernels, std::span<const std::byte* const> data, BatchTuning& tuning);

  /// As Plan::run().
  void run(std::span<const std::byte* const> inputs);

  /// Of a batch in parts; 0: it is run as one.
  [[nodiscard]] std::int64_t samples_at_once() const noexcept {
    return part_ < samples_ ? part_ : 0;
  }

  [[nodiscard]] int threads_used() const noexcept;

  [[nodiscard]] std::span<const Signature> outputs() const noexcept { return outputs_; }
  [[nodiscard]] const std::byte* output_data(std::size_t i);

  [[nodiscard]] std::size_t value_bytes() const noexcept;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept;

 private:
  struct Maker;

  void take_all(const Maker& maker);
  void choose_threads(const Maker& maker, BatchTuning& tuning,
                      std::span<const std::byte* const> data);

  /// Leaves no plans where the batch is better run as one.
  void take_parts(const Maker& maker, BatchTuning& tuning, std::span<const std::byte* const> data);

  /// False if the plans do not make parts of a batch's answers, or these are larger than values may
  /// be.
  [[nodiscard]] bool join_answers(std::int64_t max_elements);

  /// One part after the other, as long as there are any.
  void run_parts(std::size_t worker, std::span<const std::byte* const> inputs);

  std::int64_t samples_ = 1, part_ = 1;
  std::vector<std::unique_ptr<Plan>> plans_;  ///< For `part_` samples, by worker.
  std::unique_ptr<Plan> rest_;                ///< For what is left of a batch.
  std::vector<Signature> outputs_;            ///< Of all samples.
  std::vector<std::size_t> sample_bytes_;     ///< Of each input.
  std::vector<Workspace> answers_;            ///< Of all samples; none where they are the plan's.
  std::vector<std::vector<const std::byte*>> part_inputs_;  ///< By worker.
  std::atomic<std::int64_t> next_ = 0;                      ///< Part to be begun.
};

}  // namespace laconic::runtime
