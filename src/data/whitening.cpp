#include "data/whitening.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "laconic/threads.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

constexpr std::int64_t chunk = 1000;   ///< Samples whose products are summed in single precision.
constexpr std::int64_t columns = 256;  ///< Of the covariance, at a time.
constexpr double least_norm = 1e-8;

std::span<float> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// Chunk by chunk, in this order, the samples as rows.
void for_each_chunk(std::int64_t samples, std::int64_t features,
                    const std::function<void(std::int64_t i, std::span<float> out)>& read,
                    const std::function<void(const at::Tensor&)>& take) {
  for (std::int64_t first = 0; first < samples; first += chunk) {
    throw_if_interrupted();
    const auto rows = at::empty({std::min(chunk, samples - first), features}, at::kFloat);
    const auto values = values_of(rows);
    const auto width = static_cast<std::size_t>(features);
    parallel_for(rows.size(0), [&](std::int64_t i) {
      read(first + i, values.subspan(static_cast<std::size_t>(i) * width, width));
    });
    take(rows);
  }
}

std::vector<float> floats_of(const at::Tensor& tensor) {
  const auto values = tensor.to(at::kFloat).contiguous();
  return {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()};
}

}  // namespace

void normalize_contrast(std::span<float> sample, double norm) {
  double sum = 0;
  for (const float value : sample) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(sample.size());
  double squares = 0;
  for (const float value : sample) {
    squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  }
  const double root = std::sqrt(squares);
  const double factor = root < least_norm ? 1 : norm / root;
  for (float& value : sample) {
    value = static_cast<float>((static_cast<double>(value) - mean) * factor);
  }
}

Whitening::Whitening(std::int64_t samples, std::int64_t features, double regularization,
                     const std::function<void(std::int64_t i, std::span<float> out)>& read)
    : features_(features) {
  const at::NoGradGuard no_gradients;
  const auto count = static_cast<double>(samples);
  at::Tensor mean = at::zeros({features}, at::kDouble);
  for_each_chunk(samples, features, read, [&](const at::Tensor& rows) {
    torch_parallel_for(1, [&](std::int64_t) { mean += rows.sum(0, false, at::kDouble); });
  });
  mean /= count;
  mean_ = floats_of(mean);
  const auto offset = at::from_blob(mean_.data(), {features}, at::kFloat);
  at::Tensor covariance = at::zeros({features, features}, at::kDouble);
  for_each_chunk(samples, features, read, [&](const at::Tensor& rows) {
    const auto centred = rows - offset;
    const auto left = centred.t();
    // Column by column block: a product's last digits depend on how many threads work on it.
    torch_parallel_for((features + columns - 1) / columns, [&](std::int64_t i) {
      const auto width = std::min(columns, features - i * columns);
      covariance.narrow(1, i * columns, width) +=
          at::mm(left, centred.narrow(1, i * columns, width));
    });
  });
  torch_parallel_for(1, [&](std::int64_t) {
    const auto [spectrum, vectors] = at::linalg_eigh((covariance / count).to(at::kFloat));
    // Roundings make the smallest negative.
    const auto scales = (spectrum.clamp_min(0) + regularization).rsqrt();
    matrix_ = floats_of(at::mm(vectors * scales, vectors.t()));
  });
}

void Whitening::apply(std::span<float> samples) const {
  const at::NoGradGuard no_gradients;
  const auto rows = at::from_blob(samples.data(), {batch, features_}, at::kFloat);
  const auto mean = at::from_blob(const_cast<float*>(mean_.data()), {features_}, at::kFloat);
  const auto matrix =
      at::from_blob(const_cast<float*>(matrix_.data()), {features_, features_}, at::kFloat);
  rows.copy_(at::mm(rows - mean, matrix));
}

}  // namespace laconic
