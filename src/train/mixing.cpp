#include "train/mixing.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "laconic/detection_data.h"
#include "laconic/random.h"

namespace laconic {

bool can_mix(const Graph& graph, const Dataset& data) {
  if (as_detection(data) != nullptr || data.labels_per_sample() != 1) return false;
  return std::ranges::none_of(graph.nodes, [&](const Node& node) {
    return (node.op == "Gather" || node.op == "Cast") &&
           std::ranges::find(node.inputs, graph.inputs[0].name) != node.inputs.end();
  });
}

void mix_first(at::Tensor& samples, std::int64_t count, std::uint64_t seed) {
  if (count == 0) return;
  Random random(seed, "mix");
  const at::Tensor next = samples.roll(-1, 0);
  for (std::int64_t i = 0; i < count; ++i) samples[i].lerp_(next[i], random.uniform());
}

}  // namespace laconic
