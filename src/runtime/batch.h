// A program planned for a batch: run as one, or in parts, one after the other. What a few samples
// need between layers stays in the processor's caches; what many need goes through memory.

#pragma once

#include <memory>

#include "runtime/plan.h"

namespace laconic::runtime {

/// How many samples a session runs at once: measured as batches come.
struct PartSize {
  std::int64_t samples = 0;  ///< Fastest so far; 0: not measured.
  bool settled = false;      ///< More at once were slower, or no faster.
};

class Batch {
 public:
  /// As Plan; runs all samples at once.
  Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
        LayerKernels kernels);

  /// In parts of the size that is fastest, which is measured on the elements `data` unless it is
  /// settled. All at once where the network does not keep samples apart.
  Batch(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
        LayerKernels kernels, std::span<const std::byte* const> data, PartSize& part);

  /// As Plan::run().
  void run(std::span<const std::byte* const> inputs);

  /// Of a batch in parts; 0: it is run as one.
  [[nodiscard]] std::int64_t samples_at_once() const noexcept {
    return part_ < samples_ ? part_ : 0;
  }

  [[nodiscard]] std::span<const Signature> outputs() const noexcept { return outputs_; }
  [[nodiscard]] const std::byte* output_data(std::size_t i);

  [[nodiscard]] std::size_t value_bytes() const noexcept;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept;

 private:
  struct Maker;

  void take_all(const Maker& maker);

  /// False if the plans do not make parts of a batch's answers, or these are larger than values may
  /// be.
  [[nodiscard]] bool take_parts(std::int64_t max_elements);

  std::int64_t samples_ = 1, part_ = 1;
  std::unique_ptr<Plan> plan_, rest_;  ///< For `part_` samples, and for what is left of a batch.
  std::vector<Signature> outputs_;     ///< Of all samples.
  std::vector<std::size_t> sample_bytes_;  ///< Of each input.
  std::vector<const std::byte*> part_inputs_;
  std::vector<Workspace> answers_;  ///< Of all samples; none where they are the plan's.
};

}  // namespace laconic::runtime
