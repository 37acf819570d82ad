// A program planned for inputs of given shapes: a list of steps on memory that is laid out once.

#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/arena.h"
#include "runtime/chosen_kernels.h"
#include "runtime/program.h"

namespace laconic::runtime {

/// Packed layers by node, kept from plan to plan.
using PreparedLayers = std::vector<std::shared_ptr<const Prepared>>;

class Plan {
 public:
  /// `inputs` are in the order of the graph's; those that say what to do are known. Packs the
  /// layers that `prepared` lacks.
  Plan(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
       const ChosenKernels& kernels);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// What every value is, without packing or running anything.
  [[nodiscard]] static Signatures infer(const Program& program, std::span<const Value> inputs);

  /// Which nodes are layers with constant weights, which are packed.
  [[nodiscard]] static std::vector<std::size_t> layers(const Program& program,
                                                       std::span<const Value> inputs);

  /// Packs the layers that `prepared` lacks, several at a time where none is measured.
  static void prepare(const Program& program, std::span<const Value> inputs,
                      PreparedLayers& prepared, const ChosenKernels& kernels);

  /// Runs on the elements of the inputs; outputs() are then good until the next run.
  void run(std::span<const std::byte* const> inputs);

  /// By step, whether it is faster on the caller's thread alone, measured on these elements: where
  /// processors halt when idle, waking one may take longer than a layer. Takes two runs, or as many
  /// as make up some tenths of a second.
  [[nodiscard]] std::vector<bool> faster_alone(std::span<const std::byte* const> inputs);

  /// Which steps are run so, of a plan for the same shapes; others would be slower for it.
  void run_alone(const std::vector<bool>& alone);

  /// Whether some steps are not.
  [[nodiscard]] bool shares_steps() const noexcept;

  [[nodiscard]] std::size_t output_count() const noexcept { return outputs_.size(); }
  [[nodiscard]] const Signature& output(std::size_t i) const { return outputs_[i].signature; }
  [[nodiscard]] const std::byte* output_data(std::size_t i) const;

  [[nodiscard]] std::size_t value_bytes() const noexcept { return values_.size(); }
  [[nodiscard]] std::size_t scratch_bytes() const noexcept {
    return scratch_.size() + workspace_.size();
  }

 private:
  friend class Planner;

  static constexpr std::size_t no_slot = ~std::size_t{0};

  /// Where elements lie: the caller's, a constant's, or a part of values_.
  struct Slot {
    enum class Kind { input, constant, value } kind = Kind::value;
    std::size_t input = 0;
    Constant constant;
    Lifetime lifetime;
    const std::byte* data = nullptr;
  };

  struct Step {
    Planned planned;
    std::vector<std::size_t> inputs, outputs;  ///< Slots, or no_slot.
    std::vector<const std::byte*> read;
    std::vector<std::byte*> written;
    bool alone = false;  ///< On the caller's thread.
  };

  struct Output {
    Signature signature;
    std::size_t slot = no_slot;
  };

  Plan() = default;

  void read(std::span<const std::byte* const> inputs);
  void run(Step& step);

  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  std::vector<Output> outputs_;
  Workspace values_, scratch_, workspace_;  ///< Aligned memory, all three.
};

}  // namespace laconic::runtime
