// Losses as sums over the samples of a shard; dividing by the minibatch is the caller's.

#pragma once

#include <ATen/core/Tensor.h>

#include "laconic/train.h"
#include "train/answer.h"

namespace laconic {

class LossFunction {
 public:
  /// Throws Error(invalid_argument) for a temperature or weight out of range.
  LossFunction(const Graph& graph, Loss loss, const Distillation& distillation);

  /// Differentiable in `outputs`, which has a row per sample; `taught` are the teacher's, undefined
  /// where there is none.
  [[nodiscard]] at::Tensor sum(const at::Tensor& outputs, const at::Tensor& labels,
                               const at::Tensor& taught) const;

  /// The teacher's part alone, in full: for samples without a label.
  [[nodiscard]] at::Tensor sum_on_teacher(const at::Tensor& outputs,
                                          const at::Tensor& taught) const;

 private:
  [[nodiscard]] at::Tensor sum_on_labels(const at::Tensor& outputs, const at::Tensor& labels) const;

  Answer answer_;
  Answer teacher_answer_ = Answer::logits;
  Loss loss_;
  double temperature_;
  double weight_;
};

}  // namespace laconic
