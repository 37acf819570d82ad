#include "train/methods/planned_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "laconic/error.h"
#include "laconic/quantized_tensor.h"
#include "laconic/threads.h"

namespace laconic {

PlannedTensors::PlannedTensors(const Plan& plan, const Network& network) {
  if (plan.empty()) fail(ErrorCode::invalid_argument, "the plan has no rows: it names no tensor");
  std::vector<ParameterInfo> candidates;
  std::ranges::copy_if(
      network.parameters(), std::back_inserter(candidates),
      [&](const ParameterInfo& info) { return !is_running_statistic(network.graph(), info); });
  std::vector<std::shared_ptr<const Quantizer>> quantizers;
  for (const auto& row : plan) {
    const bool used = std::ranges::any_of(
        candidates, [&](const ParameterInfo& info) { return matches(row.tensors, info.name); });
    if (!used) {
      fail(ErrorCode::invalid_argument,
           "the plan's row \"{}\" matches none of the network's {} parameters{}", row.tensors,
           candidates.size(),
           candidates.size() < network.parameters().size()
               ? "; running statistics, which are measured, are not quantized"
               : "");
    }
    quantizers.push_back(make_quantizer(row.quantizer));
  }
  const auto first_alike = [&](const PlanRow& row) {
    const auto alike = std::ranges::find_if(plan, [&](const PlanRow& other) {
      return std::tie(other.quantizer, other.granularity, other.zeros) ==
             std::tie(row.quantizer, row.granularity, row.zeros);
    });
    return static_cast<std::size_t>(alike - plan.begin());
  };
  std::vector<std::vector<std::size_t>> joint(plan.size());
  for (const auto& info : candidates) {
    const auto* row = row_for(plan, info.name);
    if (row == nullptr || network.parameter(info.name).numel() == 0) continue;
    const auto number = static_cast<std::size_t>(row - plan.data());
    const auto place = tensors_.size();
    tensors_.push_back(
        {info.name, network.parameter(info.name).sizes().vec(), row, quantizers[number]});
    if (row->granularity.kind == Granularity::Kind::joint) {
      joint[first_alike(*row)].push_back(place);
    } else {
      batches_.push_back({place});
    }
  }
  for (auto& batch : joint) {
    if (!batch.empty()) batches_.push_back(std::move(batch));
  }
  for (const auto& batch : batches_) weights_ += weights_of(batch);
  // The larger first: threads then end at about the same time.
  std::ranges::stable_sort(batches_, std::greater(),
                           [&](const auto& batch) { return weights_of(batch); });
}

std::int64_t PlannedTensors::weights_of(const std::vector<std::size_t>& batch) const {
  std::int64_t count = 0;
  for (const auto place : batch) count += element_count(tensors_[place].shape);
  return count;
}

std::vector<QuantizedTensor> PlannedTensors::quantize(std::span<const Values> values) const {
  std::vector<QuantizedTensor> out(tensors_.size());
  // A tensor of more than a thread's part would keep one thread busy while the others wait: it goes
  // first, and quantizers work on it in parallel themselves.
  std::int64_t large = 0;
  while (static_cast<std::size_t>(large) < batches_.size() &&
         weights_of(batches_[static_cast<std::size_t>(large)]) * threads() > weights_) {
    ++large;
  }
  const auto quantize_batch = [&](std::int64_t i) {
    const auto& batch = batches_[static_cast<std::size_t>(i)];
    std::vector<WeightsView> views;
    for (const auto place : batch) {
      const auto& [weights, importance, start, whole_pattern] = values[place];
      views.push_back({tensors_[place].shape, weights, importance, start, whole_pattern});
    }
    const auto& [name, shape, row, quantizer] = tensors_[batch[0]];
    auto results = laconic::quantize(*quantizer, views, row->granularity, row->zeros);
    for (std::size_t k = 0; k < batch.size(); ++k) out[batch[k]] = std::move(results[k]);
  };
  for (std::int64_t i = 0; i < large; ++i) quantize_batch(i);
  parallel_for(static_cast<std::int64_t>(batches_.size()) - large,
               [&](std::int64_t i) { quantize_batch(large + i); });
  return out;
}

std::span<const float> importance_of(const MethodSetup& setup, const PlannedTensor& tensor) {
  const auto found = setup.importance.find(tensor.name);
  if (found == setup.importance.end() || found->second.empty()) return {};
  const auto count = element_count(tensor.shape);
  if (static_cast<std::int64_t>(found->second.size()) != count) {
    fail(ErrorCode::invalid_argument, "parameter \"{}\" has {} weights, but {} importances",
         tensor.name, count, found->second.size());
  }
  return found->second;
}

std::vector<float> elements_of(const Network& network, std::string_view parameter) {
  const auto values = network.parameter(parameter).detach().to(at::kCPU).contiguous();
  const auto* data = values.data_ptr<float>();
  return {data, data + values.numel()};
}

QuantizedModel assemble(const Network& network, const PlannedTensors& planned,
                        std::vector<QuantizedTensor> quantized) {
  QuantizedModel model;
  for (std::size_t i = 0; i < quantized.size(); ++i) {
    const auto& tensor = planned.tensors()[i];
    model.emplace(tensor.name, QuantizedParameter{std::move(quantized[i]), tensor.quantizer->spec(),
                                                  tensor.row->coder});
  }
  for (const auto& info : network.parameters()) {
    if (model.contains(info.name)) continue;
    model.emplace(info.name,
                  QuantizedParameter{DenseTensor{network.parameter(info.name).sizes().vec(),
                                                 elements_of(network, info.name)},
                                     {},
                                     "auto"});
  }
  return model;
}

}  // namespace laconic
