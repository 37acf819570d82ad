#include "curvature/accumulator.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "laconic/error.h"

namespace laconic::curvature {
namespace {

/// Half-width of the 95 % interval of a mean, in standard errors, by Student's distribution.
double interval_width(std::int64_t degrees) {
  constexpr std::array quantiles = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                    2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120};
  const auto row = static_cast<std::size_t>(degrees - 1);
  // Beyond the table, the first term of the expansion in 1 / degrees is exact to 0.1 %.
  return row < quantiles.size() ? quantiles[row] : 1.960 + 2.45 / static_cast<double>(degrees);
}

/// Mean over all tensors together.
double mean_of(const ImportanceMap& importance) {
  double sum = 0, count = 0;
  for (const auto& [name, values] : importance) {
    for (const float value : values) sum += value;
    count += static_cast<double>(values.size());
  }
  return count > 0 ? sum / count : 0;
}

}  // namespace

std::vector<Target> targets_of(const Network& network, bool all) {
  std::vector<Target> targets;
  for (const auto& info : network.parameters()) {
    if (!all && info.role != Role::weight) continue;
    targets.push_back({info, network.parameter(info.name).sizes().vec()});
  }
  return targets;
}

Overrides detached_parameters(const Network& network) {
  Overrides out;
  for (const auto& info : network.parameters()) {
    out.emplace(info.name, network.parameter(info.name).detach());
  }
  return out;
}

std::vector<at::Tensor> make_leaves(Overrides& parameters, const std::vector<Target>& targets) {
  std::vector<at::Tensor> leaves;
  for (const auto& target : targets) {
    // A tensor of its own: detach() again, so that threads do not share the flag.
    auto& parameter = parameters.find(target.info.name)->second;
    parameter = parameter.detach().requires_grad_();
    leaves.push_back(parameter);
  }
  return leaves;
}

Accumulator::Accumulator(std::vector<Target> targets)
    : targets_(std::move(targets)), draws_(targets_.size()) {
  for (const auto& target : targets_) {
    values_.emplace_back(static_cast<std::size_t>(element_count(target.shape)), 0.0);
  }
}

void Accumulator::add(const BatchSums& batch, double keep, double gain) {
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const auto sums = batch.sums[t].to(at::kCPU, at::kFloat).contiguous();
    const float* from = sums.data_ptr<float>();
    for (auto& value : values_[t]) value = keep * value + gain * static_cast<double>(*from++);
    if (batch.totals.empty()) continue;
    const auto totals = batch.totals[t].to(at::kCPU, at::kDouble).contiguous();
    Draws& draws = draws_[t];
    for (std::int64_t i = 0; i < totals.numel(); ++i) {
      const double step = totals.data_ptr<double>()[i] - draws.mean;
      draws.mean += step / static_cast<double>(++draws.count);
      draws.deviations += step * (totals.data_ptr<double>()[i] - draws.mean);
    }
  }
}

Importance Accumulator::finish(double factor, double floor, double power) {
  Importance out;
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const std::string& name = targets_[t].info.name;
    auto& values = out.values[name];
    values.reserve(values_[t].size());
    double sum = 0;
    for (const double value : values_[t]) {
      const double estimate = value * factor;
      sum += std::max(estimate, 0.0);
      values.push_back(static_cast<float>(std::pow(estimate > 0 ? estimate : 0, power)));
      if (!std::isfinite(estimate) || !std::isfinite(values.back())) {
        fail(ErrorCode::invalid_data,
             "the importance of '{}' is NaN or infinite: gradients of the network's loss leave the "
             "range of 32-bit floats",
             name);
      }
    }
    std::vector<double>().swap(values_[t]);
    const Draws& draws = draws_[t];
    if (draws.count > 1 && sum > 0) {
      const auto count = static_cast<double>(draws.count);
      const double error = std::sqrt(draws.deviations / (count - 1) / count);
      out.interval[name] = interval_width(draws.count - 1) * error / sum;
    }
  }
  apply_floor(out.values, floor);
  return out;
}

void apply_floor(ImportanceMap& importance, double floor) {
  const double mean = mean_of(importance);
  const auto least = static_cast<float>(mean > 0 ? floor * mean : 1);
  for (auto& [name, values] : importance) {
    for (float& value : values) value = std::max(value, least);
  }
}

}  // namespace laconic::curvature
