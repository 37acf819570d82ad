// Which kernels run which layers of a program.

#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/program.h"

namespace laconic::runtime {

struct ChosenKernels {
  LayerKernels all = LayerKernels::fastest;
  std::map<std::size_t, LayerKernels> forced = {};  ///< Instead, by node.

  /// Instead of `fastest`, by node: what was measured fastest before, for each layer of the node.
  std::map<std::size_t, std::vector<LayerKernels>> recorded = {};

  ChosenKernels(LayerKernels kernels = LayerKernels::fastest) : all(kernels) {}

  [[nodiscard]] LayerKernels of(std::size_t node) const {
    const auto found = forced.find(node);
    return found != forced.end() ? found->second : all;
  }

  /// Empty unless they are `fastest`, and recorded.
  [[nodiscard]] std::span<const LayerKernels> recorded_of(std::size_t node) const {
    const auto found = recorded.find(node);
    if (found == recorded.end() || of(node) != LayerKernels::fastest) return {};
    return found->second;
  }
};

/// The nodes that SessionOptions::layer_kernels names, of those that are layers. Throws
/// Error(invalid_argument) with the nearest names for one that names none.
[[nodiscard]] std::map<std::size_t, LayerKernels> find_forced(
    const Graph& graph, std::span<const std::size_t> layers,
    const std::map<std::string, LayerKernels, std::less<>>& by_name);

}  // namespace laconic::runtime
