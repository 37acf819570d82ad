// The loss of a detector, for LibTorch to differentiate through.

#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "detection/targets.h"
#include "laconic/detection_data.h"

namespace laconic {

/// Samples of a data set as they were read.
struct DetectionSamples {
  const DetectionDataset& data;
  Part part;
  std::span<const std::int64_t> indices;
  Augmentation augmentation = {};
  std::uint64_t seed = 0;  ///< Of augmentation, and of the choice of targets.
};

/// Sum over samples. `outputs` are the network's, with a row per sample; the sum is differentiable
/// in them once.
[[nodiscard]] at::Tensor detector_loss(const DetectorForm& form, const DetectionSamples& samples,
                                       std::span<const at::Tensor> outputs,
                                       const TargetOptions& options = {});

/// How far outputs are from a teacher's: for each map, the mean squared difference against the
/// variance of the teacher's; summed over maps and samples.
[[nodiscard]] at::Tensor distance_to_teacher(std::span<const at::Tensor> outputs,
                                             std::span<const at::Tensor> taught);

/// Outputs as contiguous floats on the CPU, and what sample `row` answered.
[[nodiscard]] std::vector<at::Tensor> on_cpu(std::span<const at::Tensor> outputs);
[[nodiscard]] DetectorMaps maps_of(std::span<const at::Tensor> outputs, std::int64_t row);

}  // namespace laconic
