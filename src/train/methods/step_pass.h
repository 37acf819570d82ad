// What the projected method does to every weight after an update, before it quantizes anew.

#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace laconic {

/// Of one tensor. Tensors on the CPU are contiguous.
struct StepPass {
  at::Tensor shadow;
  double clip = 0;                ///< Magnitude that shadows are kept within; 0: any.
  at::Tensor moment, importance;  ///< Mean squared gradients, and what is to be made of them.
  double correction = 1;          ///< Moments are divided by it.
};

/// Piece by piece: pieces stay in a processor's cache from one operation to the next, and a large
/// tensor does not keep one thread busy while others wait.
void run(const std::vector<StepPass>& passes);

}  // namespace laconic
