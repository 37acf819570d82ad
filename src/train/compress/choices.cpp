#include "train/compress/choices.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "laconic/error.h"
#include "laconic/policy_gradient.h"
#include "train/post/even_codebook.h"
#include "train/post/moments.h"
#include "train/post/sensitivity.h"

namespace laconic {
namespace {

std::span<const float> elements(const Network& network, std::string_view name) {
  const auto& tensor = network.parameter(name);
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// Ways to store a tensor on even steps from a quarter to four times of `step`.
TensorChoices step_choices(std::string_view name, std::span<const float> weights, double damage,
                           double step) {
  TensorChoices out{std::string(name), {}};
  const auto count = static_cast<double>(weights.size());
  for (int k = -4; k <= 4; ++k) {
    const double factor = std::exp2(0.5 * k);
    const auto codebook = evenly_spaced_over(weights, static_cast<float>(step * factor));
    QuantizedTensor tensor{{static_cast<std::int64_t>(weights.size())},
                           static_cast<std::int64_t>(weights.size()),
                           {codebook},
                           {}};
    double error = 0;
    for (const float weight : weights) {
      tensor.indices.push_back(codebook.nearest(weight));
      error += std::pow(weight - codebook.levels()[tensor.indices.back()], 2);
    }
    out.choices.push_back(
        {std::ceil(count * index_entropy(tensor)), damage * error, print_number(factor)});
  }
  return out;
}

bool is_joint(const LayerChoice& choice) {
  return choice.granularity.kind == Granularity::Kind::joint;
}

}  // namespace

std::string usual_quantizer(const CompressOptions& options) {
  if (options.quantizer != "auto") return options.quantizer;
  if (options.method != "auto") return "kmeans:levels=16";
  // Paths are whole channels.
  const bool groups = options.granularity != "auto" &&
                      parse_granularity(options.granularity).kind == Granularity::Kind::per_group;
  return groups ? "uniform" : "trellis";
}

Choices::Choices(const Network& network, const Dataset& data, const CompressOptions& options,
                 const Batches& probes, const ProgressSink& progress)
    : network_(network), options_(options) {
  std::map<std::string, double, std::less<>> damages;
  ImportanceMap importance;
  if (options.importance == "auto") {
    for (const auto& [name, s] : measure_sensitivities(network, probes, progress))
      damages.emplace(name, s.damage * s.curvature);
  } else {
    importance = make_estimator(options.importance)->estimate(network, data, progress).values;
    for (const auto& info : network.parameters()) {
      if (info.role != Role::weight) continue;
      const auto found = importance.find(info.name);
      const bool known = found != importance.end() && !found->second.empty();
      damages.emplace(info.name, known ? mean(found->second) : 1);
    }
    importance = temper(importance, options.temper);
  }
  set_steps(damages);

  std::vector<bool> used(options.plan ? options.plan->size() : 0);
  for (auto& [name, choice] : choices_) {
    if (options.granularity != "auto") choice.granularity = parse_granularity(options.granularity);
    choice.quantizer = usual_quantizer(options);
    choice.coder = options.coder;
    if (const auto found = importance.find(name); found != importance.end())
      choice.importance = std::move(found->second);
    const PlanRow* row = options.plan ? row_for(*options.plan, name) : nullptr;
    if (row == nullptr) continue;
    used[static_cast<std::size_t>(row - options.plan->data())] = true;
    choice.quantizer = row->quantizer;
    choice.granularity = row->granularity;
    choice.zeros = row->zeros;
    choice.coder = row->coder;
  }
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) {
      fail(ErrorCode::invalid_argument,
           "the plan's row \"{}\" matches no weight of the network that an earlier row has left",
           (*options.plan)[i].tensors);
    }
  }
}

void Choices::set_steps(const std::map<std::string, double, std::less<>>& damages) {
  // The damage that a step as wide as a tensor's weights would do, relative to the geometric mean
  // over all weights: what steps are like then does not depend on the units of a layer.
  double logs = 0, count = 0;
  for (const auto& [name, damage] : damages) {
    const auto weights = elements(network_, name);
    const double relative = damage * mean_square(weights);
    if (!(relative > 0)) continue;
    logs += static_cast<double>(weights.size()) * std::log(relative);
    count += static_cast<double>(weights.size());
  }
  const double typical = count > 0 ? std::exp(logs / count) : 1;
  for (const auto& [name, damage] : damages) {
    const double square = mean_square(elements(network_, name));
    const double relative = std::clamp(damage * square / typical, 1e-6, 1e6);
    LayerChoice choice;
    choice.scale = square > 0 ? std::sqrt(square) * std::pow(relative, -options_.temper / 2) : 1;
    damages_.emplace(name, std::pow(choice.scale, -2));
    choices_.emplace(name, std::move(choice));
  }
}

LayerChoices Choices::at(double step) const {
  LayerChoices choices = choices_;
  if (options_.allocator != "auto") allocate(choices, step);
  share_codebooks(choices, step);
  return choices;
}

std::set<std::string> Choices::pruned() const {
  std::set<std::string> names;
  for (const auto& [name, choice] : choices_) {
    if (choice.zeros == Zeros::keep) names.insert(name);
  }
  return names;
}

void Choices::allocate(LayerChoices& choices, double step) const {
  std::vector<TensorChoices> table;
  double budget = 0;
  for (const auto& [name, choice] : choices) {
    table.push_back(step_choices(name, elements(network_, name), damages_.find(name)->second,
                                 step * choice.scale));
    budget += table.back().choices[4].bits;
  }
  if (table.empty()) return;
  const auto allocation = make_any_allocator(options_.allocator)->allocate(table, budget);
  std::size_t i = 0;
  for (auto& [name, choice] : choices) {
    choice.scale *= std::exp2(0.5 * (static_cast<double>(allocation.picks[i++]) - 4));
  }
}

void Choices::share_codebooks(LayerChoices& choices, double step) const {
  // As rows of a plan share theirs. The step is that of all weights together.
  std::map<std::pair<std::string, Zeros>, std::vector<std::string>> groups;
  for (const auto& [name, choice] : choices) {
    if (is_joint(choice)) groups[{choice.quantizer, choice.zeros}].push_back(name);
  }
  for (const auto& [kind, names] : groups) {
    double squares = 0, count = 0;
    LayerChoice all;
    std::vector<float> weights;
    for (const auto& name : names) {
      const auto values = elements(network_, name);
      const auto& importance = choices.find(name)->second.importance;
      weights.insert(weights.end(), values.begin(), values.end());
      if (importance.empty()) {
        all.importance.insert(all.importance.end(), values.size(), 1.0F);
      } else {
        all.importance.insert(all.importance.end(), importance.begin(), importance.end());
      }
      squares += mean_square(values) * static_cast<double>(values.size());
      count += static_cast<double>(values.size());
    }
    std::tie(all.quantizer, all.zeros) = kind;
    const double width = step * (count > 0 ? std::sqrt(squares / count) : 1);
    const auto tensor =
        first_levels(all, width, {static_cast<std::int64_t>(weights.size())}, weights);
    // What made the levels looked at all weights together.
    const std::string spec = has_even_levels(all) ? all.quantizer : spec_at(all, width, weights);
    for (const auto& name : names) {
      auto& choice = choices.find(name)->second;
      choice.codebook = tensor.codebooks[0];
      choice.quantizer = spec;
      choice.scale = width / step;
    }
  }
}

}  // namespace laconic
