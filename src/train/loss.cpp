#include "train/loss.h"

#include <ATen/ATen.h>

#include <limits>

#include "laconic/error.h"

namespace laconic {
namespace {

/// Outputs as something that softmax maps to the network's probabilities.
at::Tensor logits_of(const at::Tensor& outputs, Answer answer) {
  if (answer != Answer::probabilities) return outputs;
  return outputs.clamp_min(std::numeric_limits<float>::min()).log();
}

}  // namespace

std::string_view name(Loss loss) noexcept {
  switch (loss) {
    case Loss::cross_entropy:
      return "cross_entropy";
    case Loss::square_hinge:
      return "square_hinge";
  }
  return "unknown";
}

LossFunction::LossFunction(const Graph& graph, Loss loss, const Distillation& distillation)
    : answer_(answer_of(graph)),
      loss_(loss),
      temperature_(distillation.temperature),
      weight_(distillation.teacher == nullptr ? 0 : distillation.weight) {
  if (distillation.teacher == nullptr) return;
  teacher_answer_ = answer_of(distillation.teacher->graph());
  if (!(temperature_ > 0)) {
    fail(ErrorCode::invalid_argument, "the temperature of distillation is {}, but must be >0",
         temperature_);
  }
  if (!(weight_ >= 0 && weight_ <= 1)) {
    fail(ErrorCode::invalid_argument, "the weight of distillation is {}, but must be 0 to 1",
         weight_);
  }
  if (!(distillation.mix >= 0 && distillation.mix <= 1)) {
    fail(ErrorCode::invalid_argument,
         "the share of mixed samples in distillation is {}, but must be 0 to 1", distillation.mix);
  }
}

at::Tensor LossFunction::sum_on_labels(const at::Tensor& outputs, const at::Tensor& labels) const {
  if (loss_ == Loss::square_hinge) {
    const auto target =
        at::full_like(outputs, -1).scatter_(1, labels.unsqueeze(1), at::Scalar(1.0));
    return (1 - target * outputs).clamp_min(0).square().sum() /
           static_cast<double>(outputs.size(1));
  }
  return at::nll_loss(logits_of(outputs, answer_).log_softmax(1), labels, {}, at::Reduction::Sum);
}

at::Tensor LossFunction::sum_on_teacher(const at::Tensor& outputs, const at::Tensor& taught) const {
  const auto student = (logits_of(outputs, answer_) / temperature_).log_softmax(1);
  const auto teacher = (logits_of(taught, teacher_answer_) / temperature_).softmax(1);
  return at::kl_div(student, teacher, at::Reduction::Sum) * (temperature_ * temperature_);
}

at::Tensor LossFunction::sum(const at::Tensor& outputs, const at::Tensor& labels,
                             const at::Tensor& taught) const {
  if (weight_ == 0) return sum_on_labels(outputs, labels);
  return (1 - weight_) * sum_on_labels(outputs, labels) + weight_ * sum_on_teacher(outputs, taught);
}

}  // namespace laconic
