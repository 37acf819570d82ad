#include "train/methods/make_up.h"

#include <torch/types.h>

#include <algorithm>

#include "train/post/linear_layer.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

constexpr double damping = 0.01;
/// Input windows for each weight of a row, and in any case.
constexpr std::int64_t windows_per_weight = 32, fewest_windows = 8192;

/// One row: H_FF d_F = -H_FQ e_Q for its free weights F and its frozen ones Q.
void make_up_row(std::span<float> weights, std::span<const float> target,
                 std::span<const char> frozen, const at::Tensor& metric) {
  std::vector<std::int64_t> free, fixed;
  std::vector<double> errors;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    if (frozen[i] == 0) {
      free.push_back(place);
    } else if (weights[i] != target[i]) {
      fixed.push_back(place);
      errors.push_back(static_cast<double>(weights[i]) - static_cast<double>(target[i]));
    }
  }
  if (free.empty() || fixed.empty()) return;
  const auto f = at::tensor(free, at::kLong), q = at::tensor(fixed, at::kLong);
  const auto of_free = metric.index_select(0, f);
  const auto wanted =
      -at::matmul(of_free.index_select(1, q), at::tensor(errors, at::kDouble).unsqueeze(1));
  const auto factor = at::linalg_cholesky(of_free.index_select(1, f));
  const auto moves = at::cholesky_solve(wanted, factor).contiguous();
  for (std::size_t i = 0; i < free.size(); ++i) {
    const auto place = static_cast<std::size_t>(free[i]);
    weights[place] =
        static_cast<float>(static_cast<double>(target[place]) + moves.data_ptr<double>()[i]);
  }
}

}  // namespace

std::map<std::string, at::Tensor, std::less<>> input_moments(const Network& network,
                                                             const Batches& batches) {
  const at::NoGradGuard no_gradients;
  std::map<std::size_t, LinearLayer> layers;
  for (auto& layer : linear_layers(network.graph())) layers.emplace(layer.node, layer);
  std::map<std::string, at::Tensor, std::less<>> moments;
  std::vector<std::vector<at::Tensor>> inputs;
  for (const auto& batch : batches) inputs.push_back({batch});
  (void)network.run_side_by_side(inputs, [&](std::size_t node,
                                             std::span<std::vector<at::Tensor>> values) {
    const auto found = layers.find(node);
    if (found == layers.end()) return;
    const auto& layer = found->second;
    const auto each = std::max(fewest_windows, windows_per_weight * layer.cols) /
                          static_cast<std::int64_t>(values.size()) +
                      1;
    std::vector<at::Tensor> parts(values.size());
    torch_parallel_for(static_cast<std::int64_t>(parts.size()), [&](std::int64_t i) {
      const at::NoGradGuard no_grad;
      const auto lane = static_cast<std::size_t>(i);
      const auto windows = input_windows(network.graph(), layer, values[lane][layer.input], each);
      parts[lane] = at::matmul(windows.transpose(1, 2), windows).to(at::kDouble);
    });
    auto sum = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) sum = sum + parts[i];
    moments.insert_or_assign(layer.weight, sum);
  });
  return moments;
}

void make_up(std::span<float> weights, std::span<const float> target, std::span<const char> frozen,
             const at::Tensor& moments) {
  const auto groups = moments.size(0), cols = moments.size(1);
  const auto rows = static_cast<std::int64_t>(weights.size()) / cols;
  std::vector<at::Tensor> metrics;
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto metric = moments[g];
    const auto share = damping * metric.diagonal().mean().item<double>();
    metrics.push_back(metric + std::max(share, 1e-30) * at::eye(cols, at::kDouble));
  }
  torch_parallel_for(rows, [&](std::int64_t r) {
    const at::NoGradGuard no_gradients;
    const auto first = static_cast<std::size_t>(r * cols), count = static_cast<std::size_t>(cols);
    make_up_row(weights.subspan(first, count), target.subspan(first, count),
                frozen.subspan(first, count),
                metrics[static_cast<std::size_t>(r / (rows / groups))]);
  });
}

}  // namespace laconic
