// Which kernels run which layers of a program.

#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "runtime/program.h"

namespace laconic::runtime {

struct ChosenKernels {
  LayerKernels all = LayerKernels::fastest;
  std::map<std::size_t, LayerKernels> forced = {};  ///< Instead, by node.

  ChosenKernels(LayerKernels kernels = LayerKernels::fastest) : all(kernels) {}

  [[nodiscard]] LayerKernels of(std::size_t node) const {
    const auto found = forced.find(node);
    return found != forced.end() ? found->second : all;
  }
};

/// The nodes that SessionOptions::layer_kernels names, of those that are layers. Throws
/// Error(invalid_argument) with the nearest names for one that names none.
[[nodiscard]] std::map<std::size_t, LayerKernels> find_forced(
    const Graph& graph, std::span<const std::size_t> layers,
    const std::map<std::string, LayerKernels, std::less<>>& by_name);

}  // namespace laconic::runtime
