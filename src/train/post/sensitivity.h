// How much the outputs of a network suffer from errors in one layer's outputs.

#pragma once

#include <map>
#include <string>

#include "laconic/dataset.h"
#include "laconic/progress.h"
#include "train/post/post_pass.h"

namespace laconic {

/// `count` samples of the training part, drawn by the seed, unlabelled, in batches of at most
/// `batch`.
[[nodiscard]] Batches draw_batches(const Dataset& data, std::int64_t count, std::int64_t batch,
                                   std::uint64_t seed);

/// What is known of a weight before it is quantized.
struct Sensitivity {
  double damage = 0;  ///< To the network's centred outputs, per unit of the layer's output error.
  double curvature = 0;  ///< Output error per squared error of a weight: LayerFactors::mean_pivot.
};

/// Measured by quantizing each weight alone, coarsely, with recalibration after it. One run of the
/// network per weight.
[[nodiscard]] std::map<std::string, Sensitivity, std::less<>> measure_sensitivities(
    const Network& network, const Batches& batches, const ProgressSink& progress = {});

}  // namespace laconic
