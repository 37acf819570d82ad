#include "train/methods/step_pass.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "train/torch_threads.h"

namespace laconic {
namespace {

constexpr std::int64_t piece_size = 1 << 15;
constexpr double importance_floor = 1e-8;  ///< Added to the moment's root, as the paper does.

/// A part of the flat elements; of a GPU's tensors, everything.
struct Piece {
  const StepPass* pass;
  std::int64_t first, size;
};

at::Tensor part(const at::Tensor& tensor, const Piece& piece) {
  if (piece.size == tensor.numel()) return tensor;
  return tensor.view({-1}).narrow(0, piece.first, piece.size);
}

void run(const Piece& piece) {
  const auto& [shadow, clip, moment, importance, correction] = *piece.pass;
  if (clip > 0) part(shadow, piece).clamp_(-clip, clip);
  if (!moment.defined()) return;
  at::Tensor out = part(importance, piece);
  at::div_out(out, part(moment, piece), at::scalar_tensor(correction));
  out.sqrt_().add_(importance_floor);
}

}  // namespace

void run(const std::vector<StepPass>& passes) {
  std::vector<Piece> pieces;
  for (const auto& pass : passes) {
    if (pass.clip == 0 && !pass.moment.defined()) continue;
    const auto count = pass.shadow.numel();
    const auto step = pass.shadow.is_cpu() ? piece_size : count;
    for (std::int64_t first = 0; first < count; first += step) {
      pieces.push_back({&pass, first, std::min(step, count - first)});
    }
  }
  torch_parallel_for(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t i) {
    const at::NoGradGuard no_gradients;
    run(pieces[static_cast<std::size_t>(i)]);
  });
}

}  // namespace laconic
