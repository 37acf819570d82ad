// What the learned allocator is told of layers, and what it is rewarded for.

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "laconic/analyze.h"
#include "laconic/error.h"
#include "train/checkpoint.h"
#include "train/plan/quantized_values.h"
#include "train/plan/remembered.h"

namespace laconic {
namespace {

constexpr std::array<std::pair<PlanMeasure, std::string_view>, 2> measures{
    {{PlanMeasure::accuracy, "accuracy"}, {PlanMeasure::likelihood, "likelihood"}}};

std::string_view name(PlanMeasure measure) {
  return measures[static_cast<std::size_t>(measure)].second;
}

/// Of names, ways, sizes and damages: another network has other damages.
std::string digest_of(std::span<const TensorChoices> table) {
  std::string all;
  for (const auto& [tensor, choices] : table) {
    all += tensor + '\n';
    for (const auto& choice : choices) {
      all += fmt::format("{} {} {}\n", choice.what, choice.bits, choice.damage);
    }
  }
  return digest(std::as_bytes(std::span(all)));
}

}  // namespace

std::vector<TensorDescription> describe_layers(const Graph& graph,
                                               std::span<const TensorChoices> table) {
  const auto infos = parameters(graph);
  std::vector<TensorDescription> out;
  for (const auto& tensor : table) {
    const auto info = std::find_if(infos.begin(), infos.end(),
                                   [&](const auto& i) { return i.name == tensor.tensor; });
    if (info == infos.end()) {
      fail(ErrorCode::invalid_argument, "the network has no parameter \"{}\"", tensor.tensor);
    }
    const Node& node = graph.nodes[info->node];
    const auto& shape = graph.constants.find(info->name)->second.shape();
    const auto extent = [&](std::size_t i) {
      return i < shape.size() ? std::log2(static_cast<double>(std::max<std::int64_t>(shape[i], 1)))
                              : 0.0;
    };
    const auto strides = node.integers("strides");
    const double stride = strides.empty() ? 1 : static_cast<double>(strides[0]);
    const auto group = static_cast<double>(node.integer("group", 1));
    // Powers of two of a dozen are large for any layer.
    out.push_back({{node.op == "Conv" ? 1.0 : -1.0, group > 1 ? 1.0 : -1.0, extent(0) / 12,
                    extent(1) / 12, (extent(2) + extent(3)) / 12, std::log2(stride) / 2}});
  }
  return out;
}

PlanMeasure parse_plan_measure(std::string_view text) {
  for (const auto& [measure, word] : measures) {
    if (word == text) return measure;
  }
  fail(ErrorCode::invalid_argument,
       "plans are measured by \"{}\", but must be by one of accuracy, likelihood", text);
}

PlanQuality quality_of_plans(const Network& network, const Dataset& data,
                             std::span<const TensorChoices> table, ChoiceKind kind,
                             const PlanQualityOptions& options) {
  if (data.size(Part::validation) == 0) {
    fail(ErrorCode::invalid_data,
         "{} has no validation part to measure plans on: give its option validation a share",
         spec_name(data.spec()));
  }
  // Shared, as functions can be copied.
  const auto values = std::make_shared<QuantizedValues>(network, table, kind);
  PlanQuality quality = [&network, &data, table, measure = options.measure,
                         samples = options.samples, values](std::span<const std::size_t> picks) {
    std::map<std::string, at::Tensor, std::less<>> overrides;
    for (std::size_t t = 0; t < picks.size(); ++t) {
      overrides.emplace(table[t].tensor, values->of(t, picks[t]));
    }
    const auto score =
        evaluate(network, data, Part::validation, {.limit = samples, .overrides = &overrides});
    const double worth = measure == PlanMeasure::accuracy ? score.accuracy : std::exp(-score.loss);
    return std::isnan(worth) ? 0 : worth;
  };
  if (options.memory.empty()) return quality;
  return remembered(std::move(quality), options.memory,
                    fmt::format("{}, table {}, {} samples of {}", name(options.measure),
                                digest_of(table), options.samples, data.spec()));
}

}  // namespace laconic
