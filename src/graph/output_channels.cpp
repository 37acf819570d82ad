#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "graph/fresh_names.h"
#include "graph/passes.h"

namespace laconic {
namespace {

/// Swaps the first two axes.
Constant swap_first_axes(const Constant& from) {
  Shape shape = from.shape();
  const auto rows = static_cast<std::size_t>(shape[0]),
             columns = static_cast<std::size_t>(shape[1]);
  const std::size_t run = from.bytes().empty() ? 0 : from.bytes().size() / (rows * columns);
  std::vector<std::byte> bytes(from.bytes().size());
  if (run != 0) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        std::memcpy(bytes.data() + (c * rows + r) * run,
                    from.bytes().data() + (r * columns + c) * run, run);
      }
    }
  }
  std::swap(shape[0], shape[1]);
  return {from.type(), std::move(shape), std::move(bytes)};
}

/// Whether input 1 is a weight whose second axis is the output channel.
bool has_output_channel_second(const Node& node, const Constant& weight) {
  const auto rank = weight.shape().size();
  if (node.op == "Gemm") return rank == 2 && node.integer("transB", 0) == 0;
  if (node.op == "MatMul") return rank == 2;
  return node.op == "ConvTranspose" && rank >= 3 && node.integer("group", 1) == 1;
}

}  // namespace

void put_output_channels_first(Graph& graph) {
  const auto reads = count_reads(graph);
  FreshNames names(graph);
  std::vector<Node> nodes;
  nodes.reserve(graph.nodes.size());
  for (auto& node : graph.nodes) {
    const auto found =
        node.has_input(1) ? graph.constants.find(node.inputs[1]) : graph.constants.end();
    if (found != graph.constants.end() && reads.find(node.inputs[1])->second == 1 &&
        has_output_channel_second(node, found->second)) {
      found->second = swap_first_axes(found->second);
      if (node.op == "Gemm") {
        node.attributes["transB"] = std::int64_t{1};
      } else {
        std::vector<std::int64_t> axes(found->second.shape().size());
        std::iota(axes.begin(), axes.end(), 0);
        std::swap(axes[0], axes[1]);
        const std::string transposed = names.make(node.inputs[1] + ".transposed");
        nodes.push_back(
            {transposed, "Transpose", {node.inputs[1]}, {transposed}, {{"perm", std::move(axes)}}});
        node.inputs[1] = transposed;
      }
    }
    nodes.push_back(std::move(node));
  }
  graph.nodes = std::move(nodes);
}

}  // namespace laconic
