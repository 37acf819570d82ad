// Every tensor alone, at every width: what the table predicts and what comes of it.

#include "laconic/analyze.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>

#include "laconic/threads.h"
#include "train/plan/quantized_values.h"

namespace laconic {

Analysis analyze(const Graph& graph, const Dataset& data, const DamageSource& source,
                 std::int64_t samples, const ProgressSink& progress) {
  const auto table = damage_table(graph, &data, source, progress);
  const Network network(graph);
  const Part part = data.size(Part::validation) > 0 ? Part::validation : Part::train;
  QuantizedValues values(network, table, source.widths.kind);

  Analysis analysis;
  analysis.before = evaluate(network, data, part, {.limit = samples});
  const auto total = static_cast<std::int64_t>(table.size() * table[0].choices.size());
  std::int64_t done = 0;
  for (std::size_t t = 0; t < table.size(); ++t) {
    auto& layer = analysis.layers.emplace_back();
    layer.tensor = table[t].tensor;
    layer.weights = network.parameter(layer.tensor).numel();
    for (std::size_t c = 0; c < table[t].choices.size(); ++c) {
      throw_if_interrupted();
      if (progress) progress({"analyze", done++, total, layer.tensor});
      const auto& choice = table[t].choices[c];
      const std::map<std::string, at::Tensor, std::less<>> overrides{
          {layer.tensor, values.of(t, c)}};
      const auto score = evaluate(network, data, part, {.limit = samples, .overrides = &overrides});
      layer.widths.push_back({choice.bits / static_cast<double>(layer.weights), choice.what,
                              choice.damage, score.loss - analysis.before.loss,
                              100 * (analysis.before.accuracy - score.accuracy)});
    }
  }
  analysis.most_sensitive.resize(analysis.layers.size());
  std::iota(analysis.most_sensitive.begin(), analysis.most_sensitive.end(), std::size_t{0});
  std::stable_sort(analysis.most_sensitive.begin(), analysis.most_sensitive.end(),
                   [&](std::size_t a, std::size_t b) {
                     return analysis.layers[a].widths[0].loss_rise >
                            analysis.layers[b].widths[0].loss_rise;
                   });
  return analysis;
}

}  // namespace laconic
