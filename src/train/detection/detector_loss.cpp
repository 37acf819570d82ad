#include "train/detection/detector_loss.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "detection/loss.h"
#include "laconic/error.h"

namespace laconic {
namespace {

std::span<const float> row_of(const at::Tensor& output, std::int64_t row) {
  const auto size = static_cast<std::size_t>(output.numel() / output.size(0));
  return {output.data_ptr<float>() + static_cast<std::size_t>(row) * size, size};
}

void add_to_row(const at::Tensor& gradient, std::int64_t row, std::span<const float> values) {
  std::ranges::copy(values, gradient.data_ptr<float>() + row * std::ssize(values));
}

}  // namespace

std::vector<at::Tensor> on_cpu(std::span<const at::Tensor> outputs) {
  std::vector<at::Tensor> out;
  for (const auto& output : outputs)
    out.push_back(output.detach().to(at::kCPU, at::kFloat).contiguous());
  return out;
}

DetectorMaps maps_of(std::span<const at::Tensor> outputs, std::int64_t row) {
  const bool shaped = outputs.size() == 4 && std::ranges::all_of(outputs, [&](const auto& map) {
                        return map.dim() == 4 && map.size(0) > row &&
                               map.size(2) == outputs[0].size(2) &&
                               map.size(3) == outputs[0].size(3);
                      });
  if (!shaped) fail(ErrorCode::invalid_data, "the network does not answer with a detector's maps");
  return {outputs[0].size(2),      outputs[0].size(3),      row_of(outputs[0], row),
          row_of(outputs[1], row), row_of(outputs[2], row), row_of(outputs[3], row)};
}

at::Tensor detector_loss(const DetectorForm& form, const DetectionSamples& samples,
                         std::span<const at::Tensor> outputs, const TargetOptions& options) {
  const auto values = on_cpu(outputs);
  std::vector<at::Tensor> gradients;
  for (const auto& value : values) gradients.push_back(at::zeros_like(value));
  const auto& shape = samples.data.sample_shape();
  const auto height = static_cast<double>(shape[1]), width = static_cast<double>(shape[2]);
  double sum = 0;
  for (std::int64_t row = 0; row < std::ssize(samples.indices); ++row) {
    const auto index = samples.indices[static_cast<std::size_t>(row)];
    const auto maps = maps_of(values, row);
    check_maps(form, maps);
    const auto objects =
        samples.data.objects(samples.part, index, samples.augmentation, samples.seed);
    Random random(samples.seed, "targets", static_cast<std::uint64_t>(index));
    const auto targets = choose_targets(form, maps, objects, height, width, options, random);
    DetectorGradient gradient;
    gradient.objectness.resize(maps.objectness.size());
    gradient.shifts.resize(maps.shifts.size());
    gradient.classes.resize(maps.classes.size());
    gradient.boxes.resize(maps.boxes.size());
    sum += detection_loss(form, maps, targets, &gradient).total();
    add_to_row(gradients[0], row, gradient.objectness);
    add_to_row(gradients[1], row, gradient.shifts);
    add_to_row(gradients[2], row, gradient.classes);
    add_to_row(gradients[3], row, gradient.boxes);
  }
  // A function of the right value and the right slope at this point.
  at::Tensor slope;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto part = (outputs[i] * gradients[i].to(outputs[i].device())).sum();
    slope = slope.defined() ? slope + part : part;
  }
  return slope - slope.detach() + sum;
}

at::Tensor distance_to_teacher(std::span<const at::Tensor> outputs,
                               std::span<const at::Tensor> taught) {
  at::Tensor sum;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto scale = taught[i].var(false).clamp_min(1e-6);
    const auto part =
        (outputs[i] - taught[i]).square().mean() / scale * static_cast<double>(outputs[i].size(0));
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

}  // namespace laconic
