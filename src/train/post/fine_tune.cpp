#include "train/post/fine_tune.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/trellis.h"
#include "laconic/error.h"
#include "laconic/spec.h"
#include "train/post/compensate.h"
#include "train/post/moments.h"
#include "train/post/trellis_assign.h"

namespace laconic {
namespace {

std::span<float> elements(at::Tensor& parameter) {
  return {parameter.data_ptr<float>(), static_cast<std::size_t>(parameter.numel())};
}

/// Width of the cell around a level: the distance to its nearer neighbour.
float cell(std::span<const float> levels, std::size_t k) {
  float width = std::numeric_limits<float>::infinity();
  if (k > 0) width = std::min(width, levels[k] - levels[k - 1]);
  if (k + 1 < levels.size()) width = std::min(width, levels[k + 1] - levels[k]);
  return width;
}

/// Mean squared distance between neighbouring levels.
double squared_step(const QuantizedTensor& tensor) {
  double sum = 0, count = 0;
  for (const auto& codebook : tensor.codebooks) {
    const auto levels = codebook.levels();
    for (std::size_t k = 1; k < levels.size(); ++k, ++count) {
      sum += std::pow(static_cast<double>(levels[k]) - levels[k - 1], 2);
    }
  }
  return count > 0 ? sum / count : 0;
}

/// Mean squared distance of the even levels that would do the damage of a tensor's.
double squared_step(const QuantizedParameter& parameter, const QuantizedTensor& tensor) {
  const double square = squared_step(tensor);
  return is_trellis(parameter.quantizer) ? square / std::pow(trellis::step_ratio, 2) : square;
}

/// Assigns each value by itself: to the level that is nearest once bits have their price.
void assign(std::span<const float> values, double price, bool keep_zeros,
            const QuantizedParameter& parameter, QuantizedTensor& tensor) {
  const std::vector<float> one{1};
  const LayerProblem problem{static_cast<std::int64_t>(values.size()), 1, 1, values, one};
  const double lambda = price * squared_step(parameter, tensor) * std::numbers::ln2 / 6;
  // On the trellis frequencies are those of the step before, as good as another pass.
  const CompensateOptions options{
      .lambda = lambda, .compensate = false, .passes = 1, .keep_zeros = keep_zeros};
  if (is_trellis(parameter.quantizer)) {
    assign_on_trellis(problem, nullptr, options, tensor);
  } else {
    compensate(problem, {}, options, tensor);
  }
}

bool is_weight(const QuantizedTensor& tensor) {
  return tensor.shape.size() > 1;
}

/// Beyond these a step of other width would do better.
constexpr double least_price = 0.02, most_price = 3;
/// How often the size is looked at in a run, and how fast the price follows it: bits answer a price
/// at once a little, and over many steps more.
constexpr std::int64_t looks = 200, least_steps_between = 10;
constexpr double answer = 3, most_change = 1.1;

/// Checkpoints keep it as a float.
double short_price(double price) {
  return static_cast<float>(std::clamp(price, least_price, most_price));
}

constexpr std::string_view price_key = "price", indices_key = "indices of ";

}  // namespace

FineTune::FineTune(QuantizedModel start, double price, std::optional<SizeBudget> budget,
                   std::set<std::string> pruned)
    : model_(std::move(start)),
      first_price_(price),
      price_(static_cast<float>(price)),
      budget_(std::move(budget)) {
  for (const auto& name : pruned) kept_zeros_[name] = {};
}

void FineTune::begin(Network& network) {
  const at::NoGradGuard no_gradients;
  for (auto& [name, places] : kept_zeros_) {
    places.clear();
    for (const float value : elements(network.parameter(name))) places.push_back(value == 0);
  }
  for (const auto& [name, parameter] : model_) {
    const auto values = elements(network.parameter(name));
    const auto quantized = dequantize(parameter.tensor);
    const auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
    for (std::size_t i = 0; i < values.size(); ++i) {
      float rest = 0;
      if (tensor != nullptr && is_weight(*tensor)) {
        const auto levels =
            tensor->codebooks[i / static_cast<std::size_t>(tensor->block_size)].levels();
        // A little less than half a cell, so that the level stays the nearest.
        const float reach = 0.45F * cell(levels, tensor->indices[i]);
        rest = std::isfinite(reach) ? std::clamp(values[i] - quantized[i], -reach, reach) : 0;
      }
      values[i] = quantized[i] + rest;
    }
    const bool weight = tensor != nullptr && is_weight(*tensor);
    rates_[name] =
        weight ? std::sqrt(squared_step(parameter, *tensor)) : 0.1 * root_mean_square(values);
  }
}

double FineTune::rate(std::string_view parameter) const {
  const auto found = rates_.find(parameter);
  return found != rates_.end() && found->second > 0 ? found->second : 1;
}

void FineTune::put_levels_in(Network& network, bool weights_only) {
  const at::NoGradGuard no_gradients;
  for (auto& [name, parameter] : model_) {
    auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
    if (tensor == nullptr || (weights_only && !is_weight(*tensor))) continue;
    const auto values = elements(network.parameter(name));
    const auto pruned = kept_zeros_.find(name);
    const bool keep_zeros = pruned != kept_zeros_.end();
    for (std::size_t i = 0; keep_zeros && i < values.size(); ++i) {
      if (pruned->second[i]) values[i] = 0;
    }
    shadows_.insert_or_assign(name, DenseTensor{tensor->shape, {values.begin(), values.end()}});
    assign(values, is_weight(*tensor) ? price_ : 0, keep_zeros, parameter, *tensor);
    const auto quantized = dequantize(*tensor);
    std::copy(quantized.begin(), quantized.end(), values.begin());
  }
}

void FineTune::put_shadows_back(Network& network) {
  const at::NoGradGuard no_gradients;
  for (const auto& [name, shadow] : shadows_) {
    std::copy(shadow.values.begin(), shadow.values.end(),
              elements(network.parameter(name)).begin());
  }
  shadows_.clear();
}

void FineTune::before_forward(Network& network, const Progress& progress) {
  put_levels_in(network, true);
  const auto every = std::max(least_steps_between, progress.total_steps / looks);
  if (budget_ && progress.step % every == every - 1) follow_budget();
}

void FineTune::follow_budget() {
  const double used =
      static_cast<double>(budget_->bytes_of(model_)) / static_cast<double>(budget_->most);
  price_ = short_price(price_ * std::clamp(std::pow(used, answer), 1 / most_change, most_change));
}

void FineTune::after_backward(Network& network, const Progress&) {
  put_shadows_back(network);
}
void FineTune::before_evaluation(Network& network) {
  put_levels_in(network, false);
}
void FineTune::after_evaluation(Network& network) {
  put_shadows_back(network);
}

void FineTune::assign_all(Network& network) {
  put_levels_in(network, false);
  put_shadows_back(network);
}

void FineTune::settle_price(Network& network) {
  const QuantizedModel start = model_;  // Assignments depend on the one before.
  std::optional<QuantizedModel> best;
  const auto fits = [&](double price) {
    price_ = price;
    model_ = start;
    assign_all(network);
    if (budget_->bytes_of(model_) > budget_->most) return false;
    best = model_;
    return true;
  };
  // Weights have been trained on this assignment; another, even a finer one, is not theirs.
  if (fits(price_)) return;
  constexpr double stride = 1.25;
  double dear = price_, cheap = price_;
  do cheap = dear, dear *= stride;
  while (dear < most_price && !fits(dear));
  constexpr int halvings = 4;
  for (int i = 0; best && i < halvings; ++i) {
    const double middle = std::sqrt(cheap * dear);
    (fits(middle) ? dear : cheap) = middle;
  }
  if (best) model_ = *std::move(best);
}

QuantizedModel FineTune::finish(Network& network) {
  assign_all(network);
  if (budget_) settle_price(network);
  for (auto& [name, parameter] : model_) {
    if (auto* dense = std::get_if<DenseTensor>(&parameter.tensor)) {
      const auto values = elements(network.parameter(name));
      dense->values.assign(values.begin(), values.end());
    }
  }
  return model_;
}

MethodState FineTune::state() const {
  MethodState state{{std::string(price_key), DenseTensor{{1}, {static_cast<float>(price_)}}}};
  for (const auto& [name, parameter] : model_) {
    const auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
    if (tensor == nullptr) continue;
    state.emplace(std::string(indices_key) + name,
                  DenseTensor{tensor->shape, {tensor->indices.begin(), tensor->indices.end()}});
  }
  return state;
}

void FineTune::restore(const MethodState& state) {
  const auto values_of = [&](const std::string& key, std::size_t count) {
    const auto found = state.find(key);
    if (found == state.end() || found->second.values.size() != count)
      fail(ErrorCode::corrupt_data, "the checkpoint does not fit the training: {}", key);
    return std::span(found->second.values);
  };
  const double price = static_cast<double>(values_of(std::string(price_key), 1)[0]);
  if (!(price >= 0) || !std::isfinite(price))
    fail(ErrorCode::corrupt_data, "the checkpoint does not fit the training: {}", price_key);
  price_ = price;
  for (auto& [name, parameter] : model_) {
    auto* tensor = std::get_if<QuantizedTensor>(&parameter.tensor);
    if (tensor == nullptr) continue;
    const auto key = std::string(indices_key) + name;
    const auto values = values_of(key, tensor->indices.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto& codebook = tensor->codebooks[i / static_cast<std::size_t>(tensor->block_size)];
      const float value = values[i];
      if (!(value >= 0 && value < static_cast<float>(codebook.size())))
        fail(ErrorCode::corrupt_data, "the checkpoint does not fit the training: {}", key);
      tensor->indices[i] = static_cast<Index>(value);
    }
  }
}

std::string FineTune::spec() const {
  auto spec = "fine_tune:price=" + print_number(first_price_);
  if (budget_) spec += fmt::format(",bytes={}", budget_->most);
  return spec;
}

}  // namespace laconic
