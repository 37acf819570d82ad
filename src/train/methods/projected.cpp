// Quantization at every step: forward and backward run on quantized weights, the update moves float
// shadows of them, and these are projected onto the quantized weights again.
//
// Shadows are the network's own parameters; quantized weights stand in for them from before the
// forward pass until after the backward pass, and during evaluations. What the projection after a
// step gives is what the next step, an evaluation or finish() takes: it is made once for all.

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "laconic/error.h"
#include "laconic/optimizer.h"
#include "laconic/threads.h"
#include "train/methods/members.h"
#include "train/methods/planned_tensors.h"
#include "train/methods/quantized_state.h"
#include "train/methods/step_pass.h"
#include "train/methods/trained_scales.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

constexpr double gradient_memory =
    0.999;  ///< Of the mean squared gradient: Adam's, and the paper's.

/// What is kept for a tensor of the plan.
struct Slot {
  at::Tensor shadow;      ///< While the quantized weights stand in for it.
  at::Tensor quantized;   ///< On the network's device.
  at::Tensor moment;      ///< Mean squared gradient, where the optimizer keeps none.
  at::Tensor importance;  ///< On the CPU; undefined: all ones.
  TrainedScales scales;   ///< Where these learn.
};

/// Weights of a tensor on the CPU: the tensor's own memory where it is there.
std::span<const float> floats(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// A part of a tensor of the plan.
struct Piece {
  std::size_t place = 0;
  std::size_t begin = 0, end = 0;
};

constexpr std::size_t piece_size = 1 << 18;

void write_levels(const QuantizedTensor& tensor, const Piece& piece, float* out) {
  const auto size = static_cast<std::size_t>(tensor.block_size);
  for (std::size_t begin = piece.begin; begin < piece.end;) {
    const std::size_t block = begin / size, end = std::min((block + 1) * size, piece.end);
    const auto levels = tensor.codebooks[block].levels();
    for (std::size_t i = begin; i < end; ++i) out[i] = levels[tensor.indices[i]];
    begin = end;
  }
}

class Projected final : public Method {
 public:
  Projected(const Options& options, MethodSetup setup)
      : spec_(options.spec()),
        setup_(std::move(setup)),
        importance_(options.text("importance")),
        clip_(options.number("clip")),
        relax_(options.number("relax")),
        growth_(options.number("growth")),
        hard_(options.number("hard")),
        tanh_(options.text("gradient") == "tanh"),
        trained_(options.text("levels") == "trained") {}

  void begin(Network& network) override {
    planned_.emplace(setup_.plan, network);
    slots_.assign(planned_->tensors().size(), {});
    if (trained_) train_scales();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto& tensor = planned_->tensors()[i];
      slots_[i].quantized = at::empty_like(network.parameter(tensor.name).detach());
      const auto given = importance_of(setup_, tensor);
      if (importance_ != "given" || given.empty()) continue;
      slots_[i].importance = at::empty({static_cast<std::int64_t>(given.size())}, at::kFloat);
      std::ranges::copy(given, slots_[i].importance.data_ptr<float>());
    }
    project(network);
  }

  void before_forward(Network& network, const Progress& at) override {
    const double weight = relaxation(at);
    swap_in(network);
    if (weight == 0) return;
    torch_parallel_for(static_cast<std::int64_t>(slots_.size()), [&](std::int64_t i) {
      const at::NoGradGuard no_gradients;
      auto& slot = slots_[static_cast<std::size_t>(i)];
      const auto& name = planned_->tensors()[static_cast<std::size_t>(i)].name;
      network.parameter(name).set_data((slot.shadow + weight * slot.quantized) / (1 + weight));
    });
  }

  void after_backward(Network& network, const Progress& at) override {
    swap_out(network);
    if (!tanh_ && !trained_) return;
    torch_parallel_for(static_cast<std::int64_t>(slots_.size()), [&](std::int64_t i) {
      const at::NoGradGuard no_gradients;
      const auto place = static_cast<std::size_t>(i);
      auto& parameter = network.parameter(planned_->tensors()[place].name);
      at::Tensor gradient = parameter.grad();
      if (!gradient.defined()) return;  // It is quantized, but not trained.
      if (trained_) train_levels(place, gradient, at);
      if (!tanh_) return;
      const at::Tensor bent = parameter.detach().tanh();
      const at::Tensor largest = bent.abs().max().clamp_min(std::numeric_limits<float>::min());
      gradient.mul_((1 - bent.square()) / largest);
    });
  }

  void after_update(Network& network, const Progress& at) override {
    const at::NoGradGuard no_gradients;
    std::vector<StepPass> passes;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto& parameter = network.parameter(planned_->tensors()[i].name);
      passes.push_back({.shadow = parameter.detach(), .clip = clip_});
      if (importance_ == "moment") look_for_moment(passes.back(), i, parameter, at);
    }
    run(passes);
    try {
      project(network);
    } catch (const Error&) {
      refuse_divergence(network, at);
      throw;
    }
  }

  void before_evaluation(Network& network) override { swap_in(network); }
  void after_evaluation(Network& network) override { swap_out(network); }

  QuantizedModel finish(Network& network) override {
    if (!planned_) begin(network);
    return assemble(network, *planned_, codes_);
  }

  MethodState state() const override {
    MethodState state;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto& name = planned_->tensors()[i].name;
      keep(codes_[i], name, state);
      if (trained_) slots_[i].scales.keep(name, state);
      if (const auto& moment = slots_[i].moment; moment.defined()) {
        const auto values = moment.cpu();
        state.emplace(
            "moment/" + name,
            DenseTensor{values.sizes().vec(), {floats(values).begin(), floats(values).end()}});
      }
    }
    return state;
  }

  void restore(const MethodState& state) override {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto& name = planned_->tensors()[i].name;
      take_up(state, name, codes_[i]);
      if (trained_) slots_[i].scales.take_up(state, name);
      if (const auto found = state.find("moment/" + name); found != state.end()) {
        auto values = found->second.values;
        const auto is_square = [](float x) { return x >= 0 && std::isfinite(x); };
        if (values.size() != codes_[i].indices.size() || !std::ranges::all_of(values, is_square))
          fail(ErrorCode::corrupt_data,
               "the checkpoint does not fit the run: its mean squared gradients of \"{}\"", name);
        slots_[i].moment = at::from_blob(values.data(), slots_[i].quantized.sizes(), at::kFloat)
                               .to(slots_[i].quantized.device(), at::kFloat, false, /*copy=*/true);
      }
    }
    show_levels();
  }

  const MethodSetup* setup() const override { return &setup_; }
  std::string spec() const override { return spec_; }

 private:
  /// How much the quantized weights weigh against the shadows, 1; 0 stands for quantized ones
  /// alone.
  [[nodiscard]] double relaxation(const Progress& at) const {
    if (relax_ == 0 || static_cast<double>(at.step) >= hard_ * static_cast<double>(at.total_steps))
      return 0;
    return relax_ * std::pow(growth_, static_cast<double>(at.epoch));
  }

  void swap_in(Network& network) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      auto& parameter = network.parameter(planned_->tensors()[i].name);
      slots_[i].shadow = parameter.detach();
      parameter.set_data(slots_[i].quantized);
    }
  }

  void swap_out(Network& network) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      network.parameter(planned_->tensors()[i].name).set_data(std::exchange(slots_[i].shadow, {}));
    }
  }

  /// The optimizer's mean squared gradient, or the method's own where it keeps none.
  void look_for_moment(StepPass& pass, std::size_t place, const at::Tensor& parameter,
                       const Progress& at) {
    auto& slot = slots_[place];
    const auto& name = planned_->tensors()[place].name;
    at::Tensor moment = at.optimizer->uncorrected_second_moment(name);
    pass.correction = at.optimizer->second_moment_correction(name);
    if (!moment.defined()) {
      const at::Tensor square = parameter.grad().detach().square();
      if (!slot.moment.defined()) slot.moment = at::zeros_like(square);
      slot.moment.mul_(gradient_memory).add_(square, 1 - gradient_memory);
      moment = slot.moment;
    }
    pass.moment = moment.detach().cpu().contiguous();
    if (!slot.importance.defined()) slot.importance = at::empty_like(pass.moment);
    pass.importance = slot.importance;
  }

  void train_scales() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto& tensor = planned_->tensors()[i];
      const bool joint = tensor.row->granularity.kind == Granularity::Kind::joint;
      const auto options = parse_spec("quantizer", tensor.row->quantizer, quantizers());
      if (joint || options.member().name != "scaled" || options.text("scale") != "real")
        fail(ErrorCode::invalid_argument,
             "levels=trained needs quantizer \"scaled\" with scale=real, tensor by tensor, but "
             "\"{}\" "
             "is planned with \"{}\"{}",
             tensor.name, tensor.row->quantizer, joint ? ", granularity joint" : "");
      slots_[i].scales = TrainedScales(options.text("signs") == "two");
    }
  }

  /// The rate falls evenly to zero, whatever the schedule of the other parameters.
  void train_levels(std::size_t place, at::Tensor& gradient, const Progress& at) {
    if (at.optimizer == nullptr) return;
    at::Tensor values = gradient.cpu().contiguous();
    const std::span all(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()));
    const double left = 1 - static_cast<double>(at.step) / static_cast<double>(at.total_steps);
    auto& scales = slots_[place].scales;
    const auto of_forward = scales;
    scales.step(codes_[place], all, at.optimizer->learning_rate() * left);
    of_forward.multiply(codes_[place], all);
    gradient.copy_(values);
  }

  void project(Network& network) {
    std::vector<at::Tensor> shadows;
    std::vector<Values> values;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      shadows.push_back(network.parameter(planned_->tensors()[i].name).detach().cpu().contiguous());
      const auto& importance = slots_[i].importance;
      values.push_back({floats(shadows.back()),
                        importance.defined() ? floats(importance) : std::span<const float>(),
                        codes_.empty() ? nullptr : &codes_[i], trained_});
    }
    codes_ = planned_->quantize(values);
    for (std::size_t i = 0; trained_ && i < slots_.size(); ++i) slots_[i].scales.apply(codes_[i]);
    show_levels();
  }

  /// Says which step made a weight or its gradient infinite or not a number, if one did.
  void refuse_divergence(const Network& network, const Progress& at) const {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto& name = planned_->tensors()[i].name;
      const auto finite = [](const at::Tensor& tensor) {
        return !tensor.defined() || at::isfinite(tensor).all().item<bool>();
      };
      if (finite(network.parameter(name).detach()) && finite(slots_[i].importance)) continue;
      fail(ErrorCode::diverged,
           "training diverged at step {} of {}: parameter \"{}\" is no longer finite; a lower "
           "learning rate may help",
           at.step + 1, at.total_steps, name);
    }
  }

  /// Brings what codes_ stand for to where the network can take it.
  void show_levels() {
    std::vector<at::Tensor> values;
    std::vector<Piece> pieces;
    for (std::size_t place = 0; place < slots_.size(); ++place) {
      const at::Tensor& quantized = slots_[place].quantized;
      values.push_back(quantized.is_cpu() ? quantized : at::empty(quantized.sizes(), at::kFloat));
      const auto count = codes_[place].indices.size();
      for (std::size_t begin = 0; begin < count; begin += piece_size) {
        pieces.push_back({place, begin, std::min(begin + piece_size, count)});
      }
    }
    parallel_for(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t i) {
      const auto& piece = pieces[static_cast<std::size_t>(i)];
      write_levels(codes_[piece.place], piece, values[piece.place].data_ptr<float>());
    });
    for (std::size_t place = 0; place < slots_.size(); ++place) {
      if (!slots_[place].quantized.is_cpu()) slots_[place].quantized.copy_(values[place]);
    }
  }

  std::string spec_;
  MethodSetup setup_;
  std::string importance_;
  double clip_, relax_, growth_, hard_;
  bool tanh_, trained_;
  std::optional<PlannedTensors> planned_;
  std::vector<Slot> slots_;
  std::vector<QuantizedTensor> codes_;
};

}  // namespace

std::unique_ptr<Method> make_projected(const Options& options, MethodSetup setup) {
  return std::make_unique<Projected>(options, std::move(setup));
}

}  // namespace laconic
