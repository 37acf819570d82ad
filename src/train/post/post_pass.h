// One pass of post-training quantization over a network.
//
// Calibration samples run through the float network and the quantized one side by side, node by
// node. When a layer's turn comes, its inputs in both networks are known: its weights are quantized
// in the metric of the inputs that they will meet, towards the outputs that the float network has;
// and where a normalisation or a bias follows, means and deviations are matched to the float
// network's again. Nothing is trained.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "laconic/method.h"
#include "laconic/network.h"
#include "train/post/layer_choice.h"
#include "train/post/linear_layer.h"

namespace laconic {

struct PassOptions {
  double step = 0;  ///< In units of the weights.
  double price =
      0.7;  ///< Of bits in assignments, against what a step is worth by high-rate theory.
  double vector_step = 1;  ///< Of biases and normalisation parameters, against equal damage.
  double damping = 0.01;
  bool compensate = true;
  bool recalibrate = true;
  std::int64_t rows_per_weight = 32;  ///< Input windows for each weight of a row, 8,192 at least.
};

/// Calibration samples, in batches that run side by side.
using Batches = std::vector<at::Tensor>;

struct PassResult {
  QuantizedModel tensors;    ///< Every parameter of the network.
  double output_damage = 0;  ///< Mean squared change of centred outputs, per sample and output.
  std::map<std::string, double, std::less<>> output_error;  ///< Of each weight, as in compensate.h.
  std::map<std::string, double, std::less<>>
      curvature;  ///< LayerFactors::mean_pivot of each weight.
};

/// Quantizes the weights that `choices` names (others stay as they are) and, if `all` is set,
/// biases and normalisation parameters too.
[[nodiscard]] PassResult quantize_pass(
    const Network& network, const Batches& batches,
    const std::map<std::string, LayerChoice, std::less<>>& choices, const PassOptions& options,
    bool all = true);

}  // namespace laconic
