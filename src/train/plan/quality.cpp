// What the learned allocator is told of layers, and what it is rewarded for.

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "laconic/analyze.h"
#include "laconic/error.h"
#include "train/checkpoint.h"
#include "train/plan/quantized_values.h"
#include "train/plan/remembered.h"

namespace laconic {
namespace {

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

PlanQuality accuracy_of_plans(const Network& network, const Dataset& data,
                              std::span<const TensorChoices> table, ChoiceKind kind,
                              std::int64_t samples, const std::filesystem::path& memory) {
  if (data.size(Part::validation) == 0) {
    fail(ErrorCode::invalid_data,
         "{} has no validation part to measure plans on: give its option validation a share",
         spec_name(data.spec()));
  }
  // Shared, as functions can be copied.
  const auto values = std::make_shared<QuantizedValues>(network, table, kind);
  PlanQuality quality = [&network, &data, table, samples,
                         values](std::span<const std::size_t> picks) {
    std::map<std::string, at::Tensor, std::less<>> overrides;
    for (std::size_t t = 0; t < picks.size(); ++t) {
      overrides.emplace(table[t].tensor, values->of(t, picks[t]));
    }
    return evaluate(network, data, Part::validation, {.limit = samples, .overrides = &overrides})
        .accuracy;
  };
  if (memory.empty()) return quality;
  return remembered(
      std::move(quality), memory,
      fmt::format("table {}, {} samples of {}", digest_of(table), samples, data.spec()));
}

}  // namespace laconic
