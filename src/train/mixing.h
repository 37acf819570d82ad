// Mixtures of samples, for a teacher to answer: see Distillation::mix.

#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "laconic/dataset.h"
#include "laconic/graph.h"

namespace laconic {

/// Whether half of one sample and half of another is a sample: not where they have boxes or a label
/// at each step, nor where the graph reads its input as indices.
[[nodiscard]] bool can_mix(const Graph& graph, const Dataset& data);

/// Makes each of the first `count` of samples, of shape N, ..., its mixture with the next.
void mix_first(at::Tensor& samples, std::int64_t count, std::uint64_t seed);

}  // namespace laconic
