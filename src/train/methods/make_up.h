// Free weights make up for frozen ones, in closed form: what retraining would find if each layer's
// outputs were all that mattered.

#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "laconic/network.h"
#include "train/post/post_pass.h"

namespace laconic {

/// Second moments of the inputs of a network's linear layers, by weight: [groups, cols, cols], in
/// double precision. With the parameters as they are.
[[nodiscard]] std::map<std::string, at::Tensor, std::less<>> input_moments(const Network& network,
                                                                           const Batches& batches);

/// Moves the weights that are not frozen so that sum_rows e H e^T is least, e being what is left of
/// `weights` - `target` in a row: the optimal brain surgeon's update for many weights at once. Rows
/// are those of axis 0; `moments` is one of the above. A hundredth of the mean diagonal is added
/// to the diagonal. The same result for any number of threads.
void make_up(std::span<float> weights, std::span<const float> target, std::span<const char> frozen,
             const at::Tensor& moments);

}  // namespace laconic
